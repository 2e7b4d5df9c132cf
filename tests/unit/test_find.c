/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/inspect/find/find.h over a crafted array: which frames are found, in which order, and which are left
 * out.
 */
#include "unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/find/find.h"
#include "view/find_text.h"
#include "unit/crafted_guest.h"
#include "unit/slot_array.h"

/* Three chunks of a walk, the last one not full. */
#define SLOTS          10000
#define SLOTS_PER_PAGE (PAGE_SIZE / SLOT_SIZE)
#define FOUND_MAX      16

static struct slot_array array;
static struct expression expression;
static struct find_result result;
static struct found_frame found[FOUND_MAX]; /* their records are in `records` */
static struct meta_slot records[FOUND_MAX];
static unsigned found_count;

static void setup(void)
{
	slot_array_create(&array, SLOTS);
}

static void teardown(void)
{
	slot_array_destroy(&array);
}

static void take(void *own, const struct found_frame *frame)
{
	(void)own;
	if (found_count < FOUND_MAX) {
		found[found_count] = *frame;
		if (frame->frame.type != FRAME_TYPE_NONE)
			memcpy(&records[found_count], frame->record, sizeof(records[0]));
	}
	found_count++;
}

static int resolve(void *own, unsigned type, const char *name)
{
	(void)own;
	return type == ARRAY_TABLE && name[0] == 'l' ? 2 : -1;
}

static bool read_field(void *own, int handle, const void *record, expression_number *value)
{
	(void)own;
	*value = ((const struct meta_slot *)record)->storage[handle];
	return true;
}

static int find(const char *text, uint64_t limit)
{
	const struct field_resolver resolver = {.resolve = resolve, .read = read_field};
	const struct find_options options = {
		.expression = &expression, .limit = limit, .found = take};
	struct guest *guest = crafted_guest(&array.memory, &array.view);
	struct error err;

	found_count = 0;
	ck_assert_int_eq(expression_compile(text, guest, &resolver, &expression, &err), 0);
	return find_frames(guest, &options, &result);
}

START_TEST(frames_are_found_in_order)
{
	static const unsigned at[] = {0, 4095, 4096, 9999};

	for (unsigned i = 0; i < 4; i++)
		slot_array_set(&array, at[i], i + 1, ARRAY_ANON);
	slot_array_set(&array, 5, 9, ARRAY_TABLE);
	ck_assert_int_eq(find("type == anon", UINT64_MAX), 0);
	ck_assert_uint_eq(result.matches, 4);
	ck_assert_uint_eq(result.reads.slots, SLOTS);
	ck_assert_uint_eq(result.reads.copies, 5);
	ck_assert_uint_eq(found_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(found[i].pfn.index, at[i]);
		ck_assert_uint_eq(found[i].frame.references, i + 1);
		ck_assert_int_eq(found[i].frame.type, ARRAY_ANON);
	}
}
END_TEST

START_TEST(states_are_told_without_copies)
{
	slot_array_set(&array, 1, REF_UNIQUE, ARRAY_ANON);
	slot_array_set(&array, 2, REF_BUSY, ARRAY_ANON);
	slot_array_set(&array, 3, REF_HOST, ARRAY_ANON);
	slot_array_set(&array, 4, REF_MAX_HELD + 1, ARRAY_ANON);
	ck_assert_int_eq(find("state == unused", 0), 0);
	ck_assert_uint_eq(result.matches, SLOTS - 4);
	ck_assert_int_eq(find("state != unused", 0), 0);
	ck_assert_uint_eq(result.matches, 4);
	ck_assert_uint_eq(result.reads.copies, 0);
	ck_assert_uint_eq(found_count, 0);
}
END_TEST

START_TEST(what_is_handed_out_has_its_type)
{
	slot_array_set(&array, 7, 2, ARRAY_TABLE);
	slot_array_set(&array, 8, 2, ARRAY_TYPES + 1);
	array.slots[7].storage[5] = 99;
	ck_assert_int_eq(find("ref == 2", UINT64_MAX), 0);
	ck_assert_uint_eq(found_count, 2);
	ck_assert_uint_eq(result.reads.copies, 2);
	ck_assert_int_eq(found[0].frame.type, ARRAY_TABLE);
	ck_assert_uint_eq(records[0].storage[5], 99);
	ck_assert_int_eq(found[1].frame.type, FRAME_TYPE_WILD);
	ck_assert_int_eq(find("pfn == 100", UINT64_MAX), 0);
	ck_assert_uint_eq(found_count, 1);
	ck_assert_int_eq(found[0].frame.type, FRAME_TYPE_NONE);
}
END_TEST

START_TEST(fields_are_read_from_the_record)
{
	for (unsigned i = 0; i < 10; i++) {
		slot_array_set(&array, 5000 + i, 1, i % 2 ? ARRAY_TABLE : ARRAY_ANON);
		array.slots[5000 + i].storage[2] = i;
	}
	ck_assert_int_eq(find("meta.level > 4", UINT64_MAX), 0);
	ck_assert_uint_eq(result.matches, 3);
	ck_assert_uint_eq(found[0].pfn.index, 5005);
	ck_assert_uint_eq(found[2].pfn.index, 5009);
}
END_TEST

START_TEST(a_limit_bounds_what_is_handed_out_not_the_count)
{
	for (unsigned i = 0; i < SLOTS; i += 1000)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	ck_assert_int_eq(find("ref == 1", 7), 0);
	ck_assert_uint_eq(result.matches, 10);
	ck_assert_uint_eq(found_count, 7);
	ck_assert_uint_eq(found[6].pfn.index, 6000);
	ck_assert_uint_eq(result.reads.copies, 7);
}
END_TEST

/* Single looks ask the system for each frame: too slow for a million matches. */
START_TEST(many_matches_take_no_look_each)
{
	slot_array_set(&array, 3, 2, ARRAY_ANON);
	ck_assert_int_eq(find("ref != 7", UINT64_MAX), 0);
	ck_assert_uint_eq(result.matches, SLOTS);
	ck_assert_uint_eq(found_count, SLOTS);
	ck_assert_uint_eq(result.frames, SLOTS);
	ck_assert_int_eq(found[3].frame.type, ARRAY_ANON);
	/* With so few, nothing but these is read as a whole. */
	ck_assert_int_eq(find("ref == 2", FIND_LOOKS_MAX), 0);
	ck_assert_uint_eq(result.reads.copies, 1);
}
END_TEST

static char *table_text;
static size_t table_size;
static struct find_text table;

static void take_text(void *own, const struct found_frame *frame)
{
	find_text_add(own, frame);
}

static const char *find_table(const char *text, bool each)
{
	struct guest *guest = crafted_guest(&array.memory, &array.view);
	const struct find_options options = {
		.expression = &expression, .limit = UINT64_MAX, .found = take_text, .own = &table};
	struct error err;

	free(table_text);
	table = (struct find_text){
		.out = open_memstream(&table_text, &table_size), .guest = guest, .each = each};
	ck_assert_int_eq(expression_compile(text, guest, NULL, &expression, &err), 0);
	ck_assert_int_eq(find_frames(guest, &options, &result), 0);
	find_text_end(&table);
	fclose(table.out);
	return table_text;
}

START_TEST(adjacent_frames_that_look_the_same_are_one_line)
{
	for (unsigned i = 0; i < 10; i++)
		slot_array_set(&array, i, i < 6 ? 1 : 2, i == 8 ? ARRAY_TABLE : ARRAY_ANON);
	slot_array_set(&array, 4, REF_UNIQUE, ARRAY_ANON);
	slot_array_set(&array, 5000, 2, ARRAY_ANON);
	ck_assert_str_eq(find_table("ref > 0", false),
			 "ADDRESS           FRAMES STATE   TYPE         REFS\n"
			 "0x0                    4 shared  anon         1\n"
			 "0x4000                 1 unique  anon         1\n"
			 "0x5000                 1 shared  anon         1\n"
			 "0x6000                 2 shared  anon         2\n"
			 "0x8000                 1 shared  page_table   2\n"
			 "0x9000                 1 shared  anon         2\n"
			 "0x1388000              1 shared  anon         2\n");
	ck_assert_uint_eq(table.printed, 11);
	ck_assert_str_eq(find_table("addr < 8K", true), "ADDRESS        STATE   TYPE         REFS\n"
							"0x0            shared  anon         1\n"
							"0x1000         shared  anon         1\n");
	ck_assert_str_eq(find_table("ref == 77", false), "");
}
END_TEST

START_TEST(a_long_type_name_leaves_the_columns_where_they_are)
{
	strcpy(array.view.types[ARRAY_TABLE].name, "kernel_page_table");
	slot_array_set(&array, 0, 1, ARRAY_TABLE);
	slot_array_set(&array, 1, 2, ARRAY_ANON);
	ck_assert_str_eq(find_table("ref > 0", true),
			 "ADDRESS        STATE   TYPE              REFS\n"
			 "0x0            shared  kernel_page_table 1\n"
			 "0x1000         shared  anon              2\n");
}
END_TEST

START_TEST(a_hole_is_left_alone_and_matches_nothing)
{
	slot_array_punch(&array, SLOTS_PER_PAGE, 100 * SLOTS_PER_PAGE);
	uint64_t blocks = slot_array_blocks(&array);

	ck_assert_int_eq(find("ref >= 0", 0), 0);
	ck_assert_uint_eq(result.holes, 100 * SLOTS_PER_PAGE);
	ck_assert_uint_eq(result.matches, SLOTS - 100 * SLOTS_PER_PAGE);
	ck_assert_int_eq(find("type == anon || 1", 5), 0);
	ck_assert_uint_eq(found_count, 5);
	ck_assert_uint_eq(slot_array_blocks(&array), blocks);
}
END_TEST

START_TEST(an_array_outside_of_ram_is_an_error)
{
	array.view.slot_count *= 2;
	ck_assert_int_eq(find("1", 0), -EFAULT);
	ck_assert_int_eq(find("1", 1), -EFAULT);
}
END_TEST

#define LOOKS_MIN 4000
#define LOOKS_MAX 400000
#define SEEN_MIN  100

static bool is_over;

/* Incarnations alternate: an anon frame has an odd word, a page table an even one. */
static void *change_slot(void *unused)
{
	struct meta_slot *slot = &array.slots[50];
	uint32_t generation = 1;

	(void)unused;
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
		unsigned type = ++generation % 2;

		__atomic_store_n(&slot->state, slot_state(generation, REF_BUSY), __ATOMIC_RELAXED);
		/* Release stores instead of a fence, because ThreadSanitizer does not support fences. */
		__atomic_store_n(&slot->storage[2], generation + !type, __ATOMIC_RELEASE);
		__atomic_store_n(&slot->vtable_ptr,
				 array.view.types_va + type * sizeof(struct type_descriptor),
				 __ATOMIC_RELEASE);
		__atomic_store_n(&slot->state, slot_state(generation, 1 + type), __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Each frame handed out is of one incarnation and matches the expression, even when only states decide at first. */
START_TEST(what_changes_is_never_handed_out_torn)
{
	unsigned seen = 0;
	pthread_t writer;

	array.view.slot_count = 64;
	slot_array_set(&array, 50, 1, ARRAY_ANON);
	array.slots[50].storage[2] = 1;
	ck_assert_int_eq(pthread_create(&writer, NULL, change_slot, NULL), 0);
	/* The writer may have to wait for a CPU; how often the reader meets it depends on the machine. */
	for (unsigned i = 0; i < LOOKS_MIN || (seen < SEEN_MIN && i < LOOKS_MAX); i++) {
		bool by_state = i % 2;

		ck_assert_int_eq(find(by_state ? "ref == 2" : "type == page_table", 1), 0);
		if (found_count == 0)
			continue;
		seen++;
		ck_assert_int_eq(found[0].frame.type, ARRAY_TABLE);
		ck_assert_uint_eq(found[0].frame.references, 2);
		ck_assert_uint_eq(records[0].storage[2], found[0].frame.generation);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
}
END_TEST

Suite *find_suite(void)
{
	Suite *suite = suite_create("find");
	TCase *tcase = tcase_create("find");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, frames_are_found_in_order);
	tcase_add_test(tcase, states_are_told_without_copies);
	tcase_add_test(tcase, what_is_handed_out_has_its_type);
	tcase_add_test(tcase, fields_are_read_from_the_record);
	tcase_add_test(tcase, a_limit_bounds_what_is_handed_out_not_the_count);
	tcase_add_test(tcase, many_matches_take_no_look_each);
	tcase_add_test(tcase, adjacent_frames_that_look_the_same_are_one_line);
	tcase_add_test(tcase, a_long_type_name_leaves_the_columns_where_they_are);
	tcase_add_test(tcase, a_hole_is_left_alone_and_matches_nothing);
	tcase_add_test(tcase, an_array_outside_of_ram_is_an_error);
	tcase_add_test(tcase, what_changes_is_never_handed_out_torn);
	suite_add_tcase(suite, tcase);
	return suite;
}
