/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of parts of a map, its marks, and how the text fits a terminal: vmm/inspect/map_image.h, view/picture. */
#include "unit/suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect/find/expression.h"
#include "unit/crafted_guest.h"
#include "unit/slot_array.h"
#include "view/picture/map_picture.h"

#define SLOTS 10000

static struct slot_array array;
static struct map_image image;
static struct expression mark;
static struct error err;
static char printed[1 << 16];

static void setup(void)
{
	slot_array_create(&array, SLOTS);
	slot_array_set(&array, 99, 1, ARRAY_TABLE);
	slot_array_set(&array, 100, 1, ARRAY_ANON);
	slot_array_set(&array, 140, 2, ARRAY_ANON);
	slot_array_set(&array, 199, 1, ARRAY_ANON);
	slot_array_set(&array, 200, 1, ARRAY_TABLE);
}

static void teardown(void)
{
	map_image_free(&image);
	slot_array_destroy(&array);
}

static uint64_t frames(const char *name)
{
	for (unsigned i = 0; i < image.class_count; i++)
		if (strcmp(image.classes[i].name, name) == 0)
			return image.classes[i].frames;
	return UINT64_MAX;
}

static void build(uint64_t first, uint64_t count, struct map_grid grid, const char *text)
{
	struct guest *guest = crafted_guest(&array.memory, &array.view);
	const struct map_part part = {.grid = grid,
				      .first = pfn(first),
				      .frame_count = count,
				      .mark = text ? &mark : NULL};

	if (text)
		ck_assert_int_eq(expression_compile(text, guest, NULL, &mark, &err), 0);
	ck_assert_int_eq(map_image_build_part(guest, MAP_BY_TYPE, &part, &image, &err), 0);
}

START_TEST(a_part_has_its_frames_and_no_others)
{
	build(100, 100, map_grid_fit(100, 64, 64), NULL);
	ck_assert_uint_eq(image.grid.frames_per_cell, 1);
	ck_assert_uint_eq(frames("anon"), 3);
	ck_assert_uint_eq(frames("page_table"), 0);
	ck_assert_uint_eq(frames("unused"), 97);
	ck_assert_uint_eq(map_image_row_address(&image, 1), 164 * PAGE_SIZE);
	ck_assert_str_eq(image.classes[map_image_cell(&image, 0, 0)].name, "anon");
	ck_assert_str_eq(image.classes[map_image_cell(&image, 99 - 64, 1)].name, "anon");
	ck_assert_uint_eq(map_image_cell(&image, 36, 1), MAP_NO_CLASS);
	ck_assert_uint_eq(image.marked_frames, 0);
}
END_TEST

START_TEST(a_mark_shows_whatever_else_is_in_its_cell)
{
	build(0, SLOTS, map_grid_fit(SLOTS, 64, 32), "ref == 2 || type == page_table");
	ck_assert_uint_eq(image.grid.frames_per_cell, 8);
	ck_assert_uint_eq(image.marked_frames, 3);
	for (unsigned cell = 0; cell < 64; cell++)
		ck_assert_int_eq(map_image_is_marked(&image, cell, 0),
				 cell == 99 / 8 || cell == 140 / 8 || cell == 200 / 8);
	/* The classes are what they are without marks. */
	ck_assert_uint_eq(frames("anon"), 3);
	ck_assert_str_eq(image.classes[map_image_cell(&image, 140 / 8, 0)].name, "unused");
}
END_TEST

static void print(const struct map_paper *paper, uint64_t first, uint64_t count, const char *text)
{
	FILE *out = fmemopen(printed, sizeof(printed), "w");

	build(first, count, map_text_grid(count, paper), text);
	map_print(&image, "demo", paper, out);
	fclose(out);
}

static unsigned lines(void)
{
	unsigned count = 0;

	for (const char *at = printed; *at; at++)
		count += *at == '\n';
	return count;
}

START_TEST(a_mark_is_a_letter_of_its_own)
{
	static const struct map_paper paper = {
		.width = 80, .map_lines = 32, .colours = MAP_LETTERS, .has_marks = true};

	print(&paper, 96, 128, "type == anon");
	ck_assert_ptr_nonnull(strstr(
		printed,
		"demo: 128 frames from 0x60000 to 0xe0000 by type; a cell is 4K, a row 256K\n"
		"   384K ...p@..."));
	ck_assert_ptr_nonnull(strstr(printed, "@ marked: 3\n"));
}
END_TEST

/* A letter on the colour of its cell, in each line one row. */
START_TEST(a_mark_keeps_the_colour_of_its_cell)
{
	static const struct map_paper paper = {
		.width = 80, .map_lines = 32, .colours = MAP_24_BIT, .has_marks = true};

	print(&paper, 96, 128, "type == anon");
	ck_assert_ptr_nonnull(strstr(printed, "\033[48;2;86;180;233m\033[38;2;0;0;0m@\033["));
	ck_assert_ptr_nonnull(strstr(printed, "@ marked: 3\n"));
	ck_assert_ptr_null(strstr(printed, "\xe2\x96\x80"));
}
END_TEST

START_TEST(the_text_has_no_more_lines_than_the_paper)
{
	for (unsigned depth = MAP_LETTERS; depth <= MAP_24_BIT; depth++)
		for (unsigned map_lines = 4; map_lines < 60; map_lines++) {
			const struct map_paper paper = {.width = 30 + map_lines,
							.map_lines = map_lines,
							.colours = depth,
							.has_marks = map_lines % 2};

			print(&paper, 0, SLOTS, map_lines % 2 ? "ref == 1" : NULL);
			ck_assert_uint_le(lines(),
					  map_lines + map_text_other_lines(&image, &paper));
			ck_assert_uint_gt(2 * (lines() - map_text_other_lines(&image, &paper)),
					  map_lines / 2);
			map_image_free(&image);
		}
}
END_TEST

/* Such addresses are longer than the usual column. */
START_TEST(labels_of_any_address_fit)
{
	static const struct map_paper paper = {
		.width = 80, .map_lines = 32, .colours = MAP_LETTERS};

	print(&paper, 0, SLOTS, NULL);
	image.first = pfn(UINT64_C(16777215));
	ck_assert_uint_eq(map_label_length(&image, 4), strlen("67108860K"));
	FILE *out = fmemopen(printed, sizeof(printed), "w");

	map_print(&image, "demo", &paper, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(printed, "\n67108860K "));
	ck_assert_ptr_nonnull(strstr(printed, "\n          .."));
}
END_TEST

Suite *map_part_suite(void)
{
	Suite *suite = suite_create("map_part");
	TCase *tcase = tcase_create("map_part");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_part_has_its_frames_and_no_others);
	tcase_add_test(tcase, a_mark_shows_whatever_else_is_in_its_cell);
	tcase_add_test(tcase, a_mark_is_a_letter_of_its_own);
	tcase_add_test(tcase, a_mark_keeps_the_colour_of_its_cell);
	tcase_add_test(tcase, the_text_has_no_more_lines_than_the_paper);
	tcase_add_test(tcase, labels_of_any_address_fit);
	suite_add_tcase(suite, tcase);
	return suite;
}
