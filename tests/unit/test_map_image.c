/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/inspect/map_image.h, view/picture/palette.h and the map as text. */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kind/record_walk.h"
#include "kind/kind.h"
#include "view/picture/map_picture.h"
#include "view/picture/palette.h"
#include "unit/crafted_guest.h"
#include "unit/slot_array.h"

#define SLOTS 10000

static struct slot_array array;
static struct map_image image;
static struct error err;

static void setup(void)
{
	slot_array_create(&array, SLOTS);
}

static void teardown(void)
{
	map_image_free(&image);
	slot_array_destroy(&array);
}

static int build_grid(enum map_by by, struct map_grid grid)
{
	return map_image_build(crafted_guest(&array.memory, &array.view), by, grid, &image, &err);
}

static void build(enum map_by by, unsigned columns, unsigned rows_max)
{
	ck_assert_int_eq(build_grid(by, map_grid_fit(SLOTS, columns, rows_max)), 0);
}

static const struct map_class *cell(unsigned column, unsigned row)
{
	uint8_t class = map_image_cell(&image, column, row);

	ck_assert_uint_lt(class, image.class_count);
	return &image.classes[class];
}

static uint64_t frames(const char *name)
{
	for (unsigned i = 0; i < image.class_count; i++)
		if (strcmp(image.classes[i].name, name) == 0)
			return image.classes[i].frames;
	return UINT64_MAX;
}

START_TEST(a_grid_holds_all_slots_and_no_empty_row)
{
	static const uint64_t counts[] = {1, 63, 64, 65, 4096, 4097, 131072, 1310720, 16777216};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct map_grid grid = map_grid_fit(counts[i], 64, 32);
		uint64_t row = 64 * grid.frames_per_cell;

		ck_assert_uint_le(grid.rows, 32);
		ck_assert_uint_ge(grid.rows * row, counts[i]);
		ck_assert_uint_lt((grid.rows - 1) * row, counts[i]);
		ck_assert(grid.frames_per_cell == 1 || counts[i] > row / 2 * 32);
	}
}
END_TEST

START_TEST(each_frame_has_its_cell)
{
	slot_array_set(&array, 0, 1, ARRAY_ANON);
	slot_array_set(&array, 101, 7, ARRAY_TABLE);
	slot_array_set(&array, 4096, REF_UNIQUE, ARRAY_ANON);
	slot_array_set(&array, 9999, REF_HOST, ARRAY_ANON);
	build(MAP_BY_TYPE, 100, 100);
	ck_assert_str_eq(cell(0, 0)->name, "anon");
	ck_assert_str_eq(cell(1, 1)->name, "page_table");
	ck_assert_str_eq(cell(0, 1)->name, "unused");
	ck_assert_str_eq(cell(96, 40)->name, "anon");
	ck_assert_str_eq(cell(99, 99)->name, "host");
	ck_assert_uint_eq(frames("anon"), 2);
	ck_assert_uint_eq(frames("unused"), SLOTS - 4);
	ck_assert_uint_eq(image.reads.slots, SLOTS);
	ck_assert_uint_eq(image.reads.copies, 3);
}
END_TEST

START_TEST(states_and_references_need_no_copies)
{
	static const uint32_t counts[] = {1, 2, 3, 4, 8, 9, 64, 65, REF_MAX_HELD};

	for (unsigned i = 0; i < 9; i++)
		slot_array_set(&array, i, counts[i], ARRAY_ANON);
	slot_array_set(&array, 9, REF_UNIQUE, ARRAY_ANON);
	slot_array_set(&array, 10, REF_BUSY, ARRAY_ANON);
	build(MAP_BY_REFS, 100, 100);
	ck_assert_uint_eq(frames("1"), 1);
	ck_assert_uint_eq(frames("2"), 1);
	ck_assert_uint_eq(frames("3-4"), 2);
	ck_assert_uint_eq(frames("5-8"), 1);
	ck_assert_uint_eq(frames("9-64"), 2);
	ck_assert_uint_eq(frames("65 and more"), 2);
	ck_assert_uint_eq(frames("unique"), 1);
	ck_assert_uint_eq(frames("busy"), 1);
	ck_assert_uint_eq(image.reads.copies, 0);
	map_image_free(&image);
	build(MAP_BY_STATE, 100, 100);
	ck_assert_uint_eq(frames("shared"), 9);
	ck_assert_uint_eq(frames("unique"), 1);
	ck_assert_uint_eq(image.reads.copies, 0);
}
END_TEST

START_TEST(a_cell_shows_what_most_of_its_frames_are)
{
	/* 100 x 10 cells of 16 frames; a chunk of the walk is not a multiple of a row. */
	for (unsigned i = 0; i < 7; i++)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	for (unsigned i = 16; i < 24; i++)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	for (unsigned i = 4089; i < 4100; i++)
		slot_array_set(&array, i, 1, ARRAY_TABLE);
	build(MAP_BY_TYPE, 100, 10);
	ck_assert_uint_eq(image.grid.frames_per_cell, 16);
	ck_assert_str_eq(cell(0, 0)->name, "unused");
	ck_assert_str_eq(cell(1, 0)->name, "anon"); /* a tie with unused: the class in use wins */
	ck_assert_str_eq(cell(55, 2)->name, "unused");
	ck_assert_uint_eq(frames("anon"), 15);
	/* Cell 625 - 1 is the last one; nothing follows. */
	ck_assert_str_eq(cell(24, 6)->name, "unused");
	ck_assert_uint_eq(map_image_cell(&image, 25, 6), MAP_NO_CLASS);
}
END_TEST

START_TEST(what_is_broken_shows_among_many)
{
	for (unsigned i = 0; i < 32; i++)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	slot_array_set(&array, 5, REF_MAX_HELD + 1, ARRAY_ANON);
	slot_array_set(&array, 20, 1, ARRAY_TYPES);
	build(MAP_BY_TYPE, 100, 10);
	ck_assert_str_eq(cell(0, 0)->name, "illegal");
	ck_assert_str_eq(cell(1, 0)->name, "wild");
}
END_TEST

START_TEST(a_hole_is_left_alone_and_shown)
{
	const unsigned slots_of_page = PAGE_SIZE / SLOT_SIZE;

	slot_array_punch(&array, slots_of_page, 2 * slots_of_page);
	slot_array_punch(&array, RECORD_CHUNK, RECORD_CHUNK); /* fills a whole chunk of the walk */
	uint64_t blocks = slot_array_blocks(&array);

	build(MAP_BY_TYPE, slots_of_page, 1000);
	ck_assert_str_eq(cell(0, 0)->name, "unused");
	ck_assert_str_eq(cell(0, 1)->name, "not read");
	ck_assert_str_eq(cell(slots_of_page - 1, 2)->name, "not read");
	ck_assert_str_eq(cell(0, 3)->name, "unused");
	ck_assert_str_eq(cell(slots_of_page - 1, 63)->name, "unused");
	ck_assert_str_eq(cell(0, 64)->name, "not read");
	ck_assert_str_eq(cell(slots_of_page - 1, 127)->name, "not read");
	ck_assert_str_eq(cell(0, 128)->name, "unused");
	ck_assert_uint_eq(frames("not read"), 2 * slots_of_page + RECORD_CHUNK);
	ck_assert_uint_eq(slot_array_blocks(&array), blocks);
}
END_TEST

START_TEST(an_array_outside_of_ram_is_an_error)
{
	array.view.slot_count *= 2;
	ck_assert_int_eq(build_grid(MAP_BY_TYPE, map_grid_fit(2 * SLOTS, 100, 100)), -EFAULT);
	ck_assert_ptr_null(image.cells);
}
END_TEST

static unsigned distance(struct colour left, struct colour right)
{
	return (unsigned)(abs(left.red - right.red) + abs(left.green - right.green) +
			  abs(left.blue - right.blue));
}

/* The colours of classes, in an image without cells. */
static struct colour colours[MAP_CLASSES_MAX];

static void colour_types(const char *const *names, unsigned count)
{
	struct map_image drawn = {.class_count = count};

	for (unsigned i = 0; i < count; i++) {
		drawn.classes[i] = (struct map_class){.of = MAP_OF_TYPE, .index = i};
		strcpy(drawn.classes[i].name, names[i]);
	}
	palette_of(&drawn, colours);
}

static struct colour colour_of(struct map_class class)
{
	const struct map_image drawn = {.class_count = 1, .classes = {class}};

	palette_of(&drawn, colours);
	return colours[0];
}

static struct colour tone(enum frame_tone tone)
{
	return colour_of((struct map_class){.of = MAP_OF_STATE, .tone = tone});
}

START_TEST(types_keep_their_colours_and_differ)
{
	char texts[FRAME_TYPES_MAX][8];
	const char *names[FRAME_TYPES_MAX], *reversed[FRAME_TYPES_MAX];
	struct colour first[FRAME_TYPES_MAX];

	for (unsigned i = 0; i < FRAME_TYPES_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "t%u", i);
		names[i] = reversed[FRAME_TYPES_MAX - 1 - i] = texts[i];
	}
	colour_types(names, FRAME_TYPES_MAX);
	memcpy(first, colours, sizeof(first));
	colour_types(reversed, FRAME_TYPES_MAX);
	for (unsigned i = 0; i < FRAME_TYPES_MAX; i++)
		ck_assert_uint_eq(distance(first[i], colours[FRAME_TYPES_MAX - 1 - i]), 0);
	for (unsigned i = 0; i < FRAME_TYPES_MAX; i++) {
		ck_assert_uint_gt(distance(first[i], tone(TONE_BROKEN)), 60);
		ck_assert_uint_gt(
			distance(first[i], colour_of((struct map_class){.of = MAP_OF_UNREAD})), 40);
		ck_assert_uint_gt(distance(first[i], tone(TONE_FREE)), 40);
		ck_assert_uint_gt(distance(first[i], tone(TONE_TRANSIENT)), 60);
		ck_assert_uint_gt(distance(first[i], tone(TONE_HOST)), 60);
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_gt(distance(first[i], first[j]), 20);
	}
	/* An added type leaves the colours of the existing types unchanged. */
	static const char *const few[] = {"anon", "page_table", "a_new_one"};

	colour_types(few, 2);
	memcpy(first, colours, sizeof(first));
	colour_types(few, 3);
	ck_assert_uint_eq(distance(first[0], colours[0]), 0);
	ck_assert_uint_eq(distance(first[1], colours[1]), 0);
}
END_TEST

START_TEST(each_class_of_an_image_has_the_colour_of_what_it_is)
{
	static const char *const greys[] = {"hole", "reserved"};

	build(MAP_BY_STATE, 100, 100);
	palette_of(&image, colours);
	for (unsigned i = 0; i < image.class_count; i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_gt(distance(colours[i], colours[j]), 20);
	map_image_free(&image);
	build(MAP_BY_REFS, 100, 100);
	palette_of(&image, colours);
	for (unsigned i = 1; i < MAP_STEPS; i++) /* darker as counts grow */
		ck_assert_int_lt(colours[i].green, colours[i - 1].green);
	ck_assert_uint_eq(
		distance(colour_of((struct map_class){.of = MAP_OF_WILD}), tone(TONE_BROKEN)), 0);
	colour_types(greys, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert(colours[i].red == colours[i].green && colours[i].red == colours[i].blue);
	ck_assert_uint_gt(distance(colours[0], colours[1]), 60);
}
END_TEST

/* Classes in use come first; then tone decides. */
START_TEST(classes_have_an_order)
{
	static const char *const names[][12] = {
		[MAP_BY_TYPE] = {"anon", "page_table", "wild", "busy", "host", "illegal", "unused",
				 "not read"},
		[MAP_BY_STATE] = {"shared", "unique", "busy", "host", "illegal", "unused",
				  "not read"},
		[MAP_BY_REFS] = {"1", "2", "3-4", "5-8", "9-64", "65 and more", "unique", "busy",
				 "host", "illegal", "unused", "not read"},
	};

	for (enum map_by by = MAP_BY_TYPE; by <= MAP_BY_REFS; by++) {
		build(by, 100, 100);
		for (unsigned i = 0; i < image.class_count; i++)
			ck_assert_str_eq(image.classes[i].name, names[by][i]);
		map_image_free(&image);
	}
}
END_TEST

START_TEST(references_are_of_kinds_that_count_them)
{
	struct guest guest = *crafted_guest(&array.memory, &array.view);
	struct kind kind = *guest.kind;

	ck_assert(map_by_applies(&guest, MAP_BY_REFS));
	kind.has_references = false;
	guest.kind = &kind;
	ck_assert(!map_by_applies(&guest, MAP_BY_REFS));
	ck_assert(map_by_applies(&guest, MAP_BY_TYPE) && map_by_applies(&guest, MAP_BY_STATE));
}
END_TEST

START_TEST(colours_of_a_terminal_are_near)
{
	ck_assert_uint_eq(palette_terminal_index((struct colour){0, 0, 0}), 16);
	ck_assert_uint_eq(palette_terminal_index((struct colour){255, 255, 255}), 231);
	ck_assert_uint_eq(palette_terminal_index((struct colour){255, 0, 0}), 196);
	ck_assert_uint_eq(palette_terminal_index((struct colour){0x80, 0x80, 0x80}), 244);
	ck_assert_uint_eq(palette_terminal_index((struct colour){95, 135, 175}), 67);
}
END_TEST

START_TEST(sizes_have_the_unit_that_divides_them)
{
	char text[MAP_SIZE_TEXT];

	ck_assert_str_eq(map_size_text(text, 0), "0");
	ck_assert_str_eq(map_size_text(text, 4096), "4K");
	ck_assert_str_eq(map_size_text(text, UINT64_C(1536) << 20), "1536M");
	ck_assert_str_eq(map_size_text(text, UINT64_C(64) << 30), "64G");
}
END_TEST

static char printed[1 << 16];

static void print(enum map_colours depth, unsigned width)
{
	FILE *out = fmemopen(printed, sizeof(printed), "w");

	const struct map_paper paper = {
		.width = width, .map_lines = MAP_LINES_DEFAULT, .colours = depth};

	ck_assert_int_eq(build_grid(MAP_BY_TYPE, map_text_grid(SLOTS, &paper)), 0);
	map_print(&image, "demo", &paper, out);
	fclose(out);
}

START_TEST(letters_show_memory_where_there_are_no_colours)
{
	for (unsigned i = 0; i < 5 * 64 * 8; i++)
		slot_array_set(&array, i, 1, i < 64 * 8 ? ARRAY_ANON : ARRAY_TABLE);
	slot_array_set(&array, 9999, REF_MAX_HELD + 1, 0);
	print(MAP_LETTERS, 80);
	ck_assert(strstr(printed, "demo: 10000 frames by type; a cell is 32K, a row 2M\n"));
	ck_assert(strstr(printed, "\n      0 aaaaaaaaaaaaaaaa"));
	ck_assert(strstr(printed, "a\n        pppppppppp"));
	ck_assert(strstr(printed, "\n     8M pppppppppp"));
	ck_assert(strstr(printed, "..!\n"));
	ck_assert(
		strstr(printed, "\na anon: 512   p page_table: 2048   ! illegal: 1   . unused: "));
	for (const char *at = printed; *at; at++)
		ck_assert(*at == '\n' || (*at >= ' ' && *at <= '~'));
}
END_TEST

START_TEST(types_that_are_seen_get_their_own_letter)
{
	static const char *const names[] = {"ab", "abc", "b", "aaa", "?", "~"};

	array.view.type_count = 6;
	for (unsigned i = 0; i < 6; i++) {
		strcpy(array.view.types[i].name, names[i]);
		if (i > 0)
			slot_array_set(&array, i, 1, i);
	}
	build(MAP_BY_TYPE, 100, 100);
	ck_assert_int_eq(image.classes[1].letter, 'a');
	ck_assert_int_eq(image.classes[2].letter, 'b');
	ck_assert_int_eq(image.classes[3].letter, 'A');
	for (unsigned i = 0; i < image.class_count; i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_int_ne(image.classes[i].letter, image.classes[j].letter);
}
END_TEST

/* Lines have at most the maximum width, not counting what a terminal does not display. */
START_TEST(no_line_is_wider_than_the_terminal)
{
	static const enum map_colours kinds[] = {MAP_LETTERS, MAP_256_COLOURS, MAP_24_BIT};
	unsigned width = (unsigned)_i, used = 0;

	slot_array_set(&array, 3, 1, ARRAY_ANON);
	slot_array_set(&array, 90, 1, ARRAY_TABLE);
	for (unsigned kind = 0; kind < 3; kind++) {
		print(kinds[kind], width);
		map_image_free(&image);
		const char *at = strchr(printed, '\n') + 1; /* after the title */

		for (used = 0; *at; at++) {
			if (*at == '\033')
				at = strchr(at, 'm');
			else if (*at == '\n')
				used = 0;
			else if ((*at & 0xc0) != 0x80) /* counts a character of UTF-8 once */
				used++;
			ck_assert_uint_le(used, width);
		}
	}
}
END_TEST

Suite *map_image_suite(void)
{
	Suite *suite = suite_create("map_image");
	TCase *tcase = tcase_create("map_image");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_grid_holds_all_slots_and_no_empty_row);
	tcase_add_test(tcase, each_frame_has_its_cell);
	tcase_add_test(tcase, states_and_references_need_no_copies);
	tcase_add_test(tcase, a_cell_shows_what_most_of_its_frames_are);
	tcase_add_test(tcase, what_is_broken_shows_among_many);
	tcase_add_test(tcase, a_hole_is_left_alone_and_shown);
	tcase_add_test(tcase, an_array_outside_of_ram_is_an_error);
	tcase_add_test(tcase, types_keep_their_colours_and_differ);
	tcase_add_test(tcase, each_class_of_an_image_has_the_colour_of_what_it_is);
	tcase_add_test(tcase, classes_have_an_order);
	tcase_add_test(tcase, references_are_of_kinds_that_count_them);
	tcase_add_test(tcase, colours_of_a_terminal_are_near);
	tcase_add_test(tcase, sizes_have_the_unit_that_divides_them);
	tcase_add_test(tcase, letters_show_memory_where_there_are_no_colours);
	tcase_add_test(tcase, types_that_are_seen_get_their_own_letter);
	tcase_add_loop_test(tcase, no_line_is_wider_than_the_terminal, 40, 140);
	suite_add_tcase(suite, tcase);
	return suite;
}
