/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of cursors over frame lists (pagemeta/frame_list.h): what they write to the frames they are at, and that one
 * whose frame may have gone is caught. Where cursors go is in test_frame_list.c.
 */
#include "unit/suites.h"

#include "pagemeta/frame_list.h"
#include "unit/fixture.h"

#define COUNT UINT64_C(4)

/* The link lies between members, so a write beside it that goes too far would show. */
struct entry_meta {
	uint32_t before;
	uint8_t age;
	struct list_link link;
	uint64_t number;
};
META_TYPE(entry, .link_place = META_LINK_PLACE(entry, link));

static struct frame_list list;

static unique_frame_t entry(uint64_t number)
{
	const struct entry_meta meta = {.number = number};
	unique_frame_t frame = unique_alloc(entry, &meta);

	ck_assert_ptr_nonnull(frame.slot);
	return frame;
}

/* 1 2 3 4 */
static void setup(void)
{
	small_allocator_setup();
	frame_list_init(&list, entry, link);
	for (uint64_t i = 1; i <= COUNT; i++)
		frame_list_push_back(&list, entry(i));
}

static struct list_cursor cursor_at(uint64_t number)
{
	struct list_cursor cursor = list_cursor_front(&list);

	while (frame_borrow_meta(list_cursor_frame(&cursor), entry)->number != number)
		list_cursor_next(&cursor);
	return cursor;
}

static struct list_cursor cursor_at_gap(void)
{
	struct list_cursor cursor = list_cursor_back(&list);

	list_cursor_next(&cursor);
	return cursor;
}

static uint64_t number_at(const struct list_cursor *cursor)
{
	return frame_borrow_meta(list_cursor_frame(cursor), entry)->number;
}

START_TEST(members_are_written_in_one_generation)
{
	struct list_cursor cursor = cursor_at(2);
	const struct meta_slot *slot = list_cursor_frame(&cursor).slot;
	struct snapshot before = snapshot_take();
	struct meta_slot *expected = &before.slots[meta_to_pfn(slot).index];
	struct entry_meta *meta = (struct entry_meta *)expected->storage;
	uint32_t generation = slot_state_generation(slot->state);

	list_cursor_begin(&cursor);
	ck_assert_uint_eq(slot_load(slot), slot_state(generation + 1, REF_BUSY));
	list_cursor_set(&cursor, entry, age, 7);
	list_cursor_set(&cursor, entry, before, 0x01020304);
	list_cursor_set(&cursor, entry, number, 22);
	list_cursor_end(&cursor);

	expected->state = slot_state(generation + 1, REF_UNIQUE);
	meta->age = 7;
	meta->before = 0x01020304;
	meta->number = 22;
	snapshot_check(&before);
	ck_assert_uint_eq(frame_list_count(&list), COUNT);
}
END_TEST

START_TEST(written_frame_is_still_linked)
{
	struct list_cursor cursor = cursor_at(2);

	list_cursor_begin(&cursor);
	list_cursor_set(&cursor, entry, number, 22);
	list_cursor_end(&cursor);
	ck_assert_uint_eq(number_at(&cursor), 22);
	list_cursor_next(&cursor);
	ck_assert_uint_eq(number_at(&cursor), 3);
	list_cursor_previous(&cursor);
	ck_assert_uint_eq(unique_meta(list_cursor_take(&cursor), entry)->number, 22);
	ck_assert_uint_eq(number_at(&cursor), 3);
}
END_TEST

START_TEST(frame_in_a_bracket_is_busy)
{
	struct list_cursor cursor = cursor_at(2);
	paddr_t frame = frame_borrow_paddr(list_cursor_frame(&cursor));

	list_cursor_begin(&cursor);
	ck_assert(!frame_list_contains(&list, frame));
	list_cursor_end(&cursor);
	ck_assert(frame_list_contains(&list, frame));
}
END_TEST

START_TEST(cursor_stays_valid_when_frames_come_in)
{
	struct list_cursor cursor = cursor_at(2);
	struct list_cursor other = cursor_at(3);

	frame_list_push_back(&list, entry(5));
	list_cursor_insert_before(&other, entry(6));
	list_cursor_next(&cursor);
	ck_assert_uint_eq(number_at(&cursor), 6);
}
END_TEST

START_TEST(cursor_stays_valid_when_it_takes)
{
	struct list_cursor cursor = cursor_at(2);

	unique_drop(list_cursor_take(&cursor));
	ck_assert_uint_eq(number_at(&cursor), 3);
	ck_assert(list_cursor_remove(&cursor));
	ck_assert_uint_eq(number_at(&cursor), 4);
}
END_TEST

START_TEST(cursor_at_the_gap_outlives_all_frames)
{
	struct list_cursor cursor = cursor_at_gap();

	frame_list_drop(&list);
	list_cursor_next(&cursor);
	ck_assert_ptr_null(list_cursor_frame(&cursor).slot);
	frame_list_push_back(&list, entry(9));
	list_cursor_next(&cursor);
	ck_assert_uint_eq(number_at(&cursor), 9);
}
END_TEST

/* Each of these must abort. */
START_TEST(frame_popped_under_a_cursor_aborts)
{
	struct list_cursor cursor = list_cursor_front(&list);

	unique_drop(frame_list_pop_front(&list));
	list_cursor_next(&cursor);
}
END_TEST

/* Without the abort, frames 1 to 4 would be lost from the list. */
START_TEST(insertion_at_a_frame_that_left_aborts)
{
	struct list_cursor cursor = list_cursor_front(&list);
	unique_frame_t frame = frame_list_pop_front(&list);

	list_cursor_insert_after(&cursor, entry(5));
	unique_drop(frame);
}
END_TEST

/* Its link names the list again: only the list can know. */
START_TEST(frame_that_left_and_came_back_aborts)
{
	struct list_cursor cursor = list_cursor_front(&list);

	frame_list_push_back(&list, frame_list_pop_front(&list));
	(void)list_cursor_frame(&cursor);
}
END_TEST

START_TEST(frame_taken_by_another_cursor_aborts)
{
	struct list_cursor cursor = cursor_at(2);
	struct list_cursor other = cursor;

	unique_drop(list_cursor_take(&other));
	unique_drop(list_cursor_take(&cursor));
}
END_TEST

START_TEST(cursor_into_a_dropped_list_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	frame_list_drop(&list);
	list_cursor_previous(&cursor);
}
END_TEST

START_TEST(removal_by_a_stale_cursor_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	unique_drop(frame_list_pop_back(&list));
	list_cursor_remove(&cursor);
}
END_TEST

START_TEST(write_by_a_stale_cursor_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	unique_drop(frame_list_pop_back(&list));
	list_cursor_begin(&cursor);
}
END_TEST

START_TEST(cursor_whose_list_is_gone_aborts)
{
	struct list_cursor cursor = cursor_at_gap();

	frame_list_drop(&list);
	frame_list_init(&list, entry, link);
	list_cursor_next(&cursor);
}
END_TEST

START_TEST(write_at_the_gap_aborts)
{
	struct list_cursor cursor = cursor_at_gap();

	list_cursor_begin(&cursor);
}
END_TEST

START_TEST(write_outside_of_a_bracket_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	list_cursor_set(&cursor, entry, age, 1);
}
END_TEST

START_TEST(write_as_another_type_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	list_cursor_begin(&cursor);
	list_cursor_set(&cursor, stamp, a, 1);
}
END_TEST

START_TEST(write_of_a_part_of_the_link_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	list_cursor_begin(&cursor);
	list_cursor_set(&cursor, entry, link.previous, 0);
}
END_TEST

START_TEST(end_at_another_frame_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	list_cursor_begin(&cursor);
	list_cursor_next(&cursor);
	list_cursor_end(&cursor);
}
END_TEST

START_TEST(take_inside_a_bracket_aborts)
{
	struct list_cursor cursor = cursor_at(2);

	list_cursor_begin(&cursor);
	unique_drop(list_cursor_take(&cursor));
}
END_TEST

START_TEST(no_frame_put_into_a_list_aborts)
{
	frame_list_push_front(&list, UNIQUE_NONE);
}
END_TEST

Suite *list_cursor_suite(void)
{
	Suite *suite = suite_create("list_cursor");
	TCase *tcase = tcase_create("list_cursor");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, members_are_written_in_one_generation, written_frame_is_still_linked,
			frame_in_a_bracket_is_busy, cursor_stays_valid_when_frames_come_in,
			cursor_stays_valid_when_it_takes, cursor_at_the_gap_outlives_all_frames);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(
		suite, setup, machine_destroy, frame_popped_under_a_cursor_aborts,
		insertion_at_a_frame_that_left_aborts, frame_that_left_and_came_back_aborts,
		frame_taken_by_another_cursor_aborts, cursor_into_a_dropped_list_aborts,
		removal_by_a_stale_cursor_aborts, write_by_a_stale_cursor_aborts,
		cursor_whose_list_is_gone_aborts, write_at_the_gap_aborts,
		write_outside_of_a_bracket_aborts, write_as_another_type_aborts,
		write_of_a_part_of_the_link_aborts, end_at_another_frame_aborts,
		take_inside_a_bracket_aborts, no_frame_put_into_a_list_aborts);
	return suite;
}
