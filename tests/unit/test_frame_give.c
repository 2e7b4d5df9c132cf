/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of frame_alloc_give (pagemeta/frame_alloc.h): which frames it lists, and that it stops at frames that nobody
 * may give back, naming the first of them.
 */
#include "unit/suites.h"

#include "pagemeta/buddy.h"
#include "unit/fixture.h"
#include "unit/refused.h"

/* Managed frames, by number: one aligned block, and half of one elsewhere. */
#define START       UINT64_C(1024)
#define COUNT       UINT64_C(512)
#define END         (START + COUNT)
#define OTHER_START UINT64_C(2048)
#define OTHER_COUNT UINT64_C(256)
#define LAST        (SMALL_MACHINE_SIZE / PAGE_SIZE)

static const struct stamp_meta stamp = {.a = 4, .b = 5, .c = 6};

static enum frame_add_error add(uint64_t start, uint64_t end)
{
	return frame_alloc_add(paddr(start * PAGE_SIZE), paddr(end * PAGE_SIZE));
}

/* All of it is taken out of the allocator. */
static void setup(void)
{
	pfn_t taken;

	small_machine_setup();
	ck_assert_int_eq(add(START, END), FRAME_ADD_OK);
	ck_assert_int_eq(add(OTHER_START, OTHER_START + OTHER_COUNT), FRAME_ADD_OK);
	ck_assert(frame_alloc_take(COUNT, 1, &taken));
	ck_assert_uint_eq(taken.index, START);
	ck_assert(frame_alloc_take(OTHER_COUNT, 1, &taken));
	ck_assert_uint_eq(taken.index, OTHER_START);
}

static void give(uint64_t first, uint64_t count)
{
	frame_alloc_give(pfn(first), count);
}

static frame_t claim(uint64_t frame)
{
	frame_t claimed = FRAME_NONE;

	ck_assert_int_eq(frame_claim(stamp, paddr(frame * PAGE_SIZE), &stamp, &claimed), FRAME_OK);
	return claimed;
}

START_TEST(run_is_listed_as_blocks)
{
	struct frame_alloc_stats stats;

	give(START + 1, 15);
	frame_alloc_read_stats(&stats);
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		ck_assert_uint_eq(stats.blocks[order], order < 4);
}
END_TEST

START_TEST(pieces_in_any_order_make_the_whole)
{
	static const uint64_t pieces[][2] = {{100, 28}, {0, 1}, {300, 212}, {1, 99}, {128, 172}};
	struct frame_alloc_stats stats;

	for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		give(START + pieces[i][0], pieces[i][1]);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(stats.blocks[9], 1);
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(no_frames_are_no_matter)
{
	struct snapshot before = snapshot_take();

	give(START, 0);
	give(0, 0);
	give(UINT64_MAX, 0);
	snapshot_check(&before);
	ck_assert_uint_eq(count_free(), 0);
}
END_TEST

START_TEST(frames_of_the_host_are_taken_back)
{
	ck_assert(slot_host_claim(pfn_to_meta(pfn(START))));
	ck_assert(slot_host_claim(pfn_to_meta(pfn(START + 1))));
	give(START, COUNT);
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(last_frame_of_memory_is_taken_back)
{
	pfn_t taken;

	ck_assert_int_eq(add(LAST - 1, LAST), FRAME_ADD_OK);
	ck_assert(frame_alloc_take(1, 1, &taken));
	give(LAST - 1, 1);
	ck_assert_uint_eq(count_free(), 1);
}
END_TEST

START_TEST(foreign_frames_are_refused)
{
	assert_refused(START - 1, 1, START - 1, FOREIGN);
	assert_refused(START - 1, 2, START - 1, FOREIGN);
	assert_refused(START, COUNT + 1, END, FOREIGN);
	assert_refused(END - 1, 100, END, FOREIGN);
	assert_refused(END, 1, END, FOREIGN);
	/* Frames between the two ranges are foreign. */
	assert_refused(START, OTHER_START + OTHER_COUNT - START, END, FOREIGN);
}
END_TEST

START_TEST(frames_without_a_slot_are_refused)
{
	assert_refused(LAST, 1, LAST, FOREIGN);
	assert_refused(UINT64_MAX / PAGE_SIZE, 1, UINT64_MAX / PAGE_SIZE, FOREIGN);
	ck_assert_int_eq(add(LAST - 1, LAST), FRAME_ADD_OK);
	assert_refused(LAST - 1, 2, LAST, FOREIGN);
}
END_TEST

START_TEST(run_that_wraps_is_refused)
{
	assert_refused(START, UINT64_MAX, END, FOREIGN);
	assert_refused(START, UINT64_MAX - START + 2, END, FOREIGN);
}
END_TEST

START_TEST(run_given_twice_is_refused)
{
	give(START, COUNT);
	assert_refused(START, COUNT, START, LISTED);
}
END_TEST

START_TEST(any_run_given_twice_is_refused)
{
	static const uint64_t runs[][2] = {{0, 1}, {3, 1}, {1, 2}, {5, 100}, {255, 257}, {511, 1}};

	for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		pfn_t taken;

		give(START + runs[i][0], runs[i][1]);
		assert_refused(START + runs[i][0], runs[i][1], START + runs[i][0], LISTED);
		while (frame_alloc_take(1, 1, &taken))
			;
	}
}
END_TEST

START_TEST(any_part_of_a_free_block_is_refused)
{
	give(START, COUNT);
	for (uint64_t first = START; first < END; first += 37)
		for (uint64_t count = 1; first + count <= END; count = 3 * count + 1)
			assert_refused(first, count, first, LISTED);
}
END_TEST

START_TEST(run_that_has_merged_is_refused)
{
	/* Merged into a block that starts before it. */
	give(START + 8, 8);
	give(START, 8);
	assert_refused(START + 8, 8, START + 8, LISTED);
	assert_refused(START + 12, 1, START + 12, LISTED);
}
END_TEST

START_TEST(run_that_runs_into_a_free_block_is_refused)
{
	give(START + 128, 64);
	assert_refused(START + 96, 33, START + 128, LISTED);
	assert_refused(START, COUNT, START + 128, LISTED);
}
END_TEST

START_TEST(listed_frame_of_a_short_run_is_refused)
{
	for (uint64_t i = 0; i < 4; i++) {
		pfn_t taken;

		give(START + i, 1);
		assert_refused(START, 4, START + i, LISTED);
		ck_assert(frame_alloc_take(1, 1, &taken));
	}
}
END_TEST

START_TEST(frame_in_use_of_a_short_run_is_refused)
{
	for (uint64_t i = 0; i < 4; i++) {
		frame_t frame = claim(START + i);

		assert_refused(START, 4, START + i, IN_USE);
		ck_assert_uint_eq(frame_references(frame), 1);
		ck_assert(slot_put(frame.slot, &(uint64_t){0}));
		slot_reset(frame.slot, slot_load(frame.slot));
	}
}
END_TEST

START_TEST(frame_in_use_at_either_end_is_refused)
{
	claim(START);
	claim(END - 1);
	assert_refused(START, COUNT, START, IN_USE);
	assert_refused(START + 1, COUNT - 1, END - 1, IN_USE);
}
END_TEST

START_TEST(frame_in_use_at_a_quarter_is_refused)
{
	claim(START + COUNT / 4);
	assert_refused(START, COUNT, START + COUNT / 4, IN_USE);
}
END_TEST

START_TEST(busy_and_unique_frames_are_refused)
{
	struct meta_slot *slot = pfn_to_meta(pfn(START));

	ck_assert_int_eq(slot_claim_begin(slot, &(uint64_t){0}), REF_CLASS_UNUSED);
	assert_refused(START, 2, START, IN_USE);
	slot_publish(slot, slot_load(slot), REF_UNIQUE);
	assert_refused(START, 2, START, IN_USE);
}
END_TEST

START_TEST(cached_and_parked_frames_are_refused)
{
	frame_put(claim(START + 1));
	assert_refused(START, 2, START + 1, LISTED);
	ck_assert(slot_host_claim(pfn_to_meta(pfn(START + 3))));
	frame_alloc_put_aside(pfn(START + 3));
	assert_refused(START + 2, 2, START + 3, LISTED);
}
END_TEST

/* The part of the buddy system. */
START_TEST(block_holds_its_frames_and_no_others)
{
	static struct buddy buddy;

	buddy_init(&buddy);
	buddy_free(&buddy, pfn(START + 8), 3);
	for (uint64_t frame = START; frame < START + 32; frame++)
		ck_assert_int_eq(buddy_lists(pfn(frame)), frame >= START + 8 && frame < START + 16);
}
END_TEST

START_TEST(order_at_is_bounded_by_alignment_length_and_maximum)
{
	const uint64_t largest = UINT64_C(1) << FRAME_ORDER_MAX;

	ck_assert_uint_eq(buddy_order_at(pfn(0), pfn(1)), 0);
	ck_assert_uint_eq(buddy_order_at(pfn(0), pfn(7)), 2);
	ck_assert_uint_eq(buddy_order_at(pfn(0), pfn(8)), 3);
	ck_assert_uint_eq(buddy_order_at(pfn(6), pfn(64)), 1);
	ck_assert_uint_eq(buddy_order_at(pfn(7), pfn(64)), 0);
	ck_assert_uint_eq(buddy_order_at(pfn(0), pfn(largest - 1)), FRAME_ORDER_MAX - 1);
	ck_assert_uint_eq(buddy_order_at(pfn(0), pfn(largest)), FRAME_ORDER_MAX);
	ck_assert_uint_eq(buddy_order_at(pfn(4 * largest), pfn(8 * largest)), FRAME_ORDER_MAX);
}
END_TEST

Suite *frame_give_suite(void)
{
	Suite *suite = suite_create("frame_give");
	TCase *tcase = tcase_create("frame_give");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(
		tcase, run_is_listed_as_blocks, pieces_in_any_order_make_the_whole,
		no_frames_are_no_matter, frames_of_the_host_are_taken_back,
		last_frame_of_memory_is_taken_back, foreign_frames_are_refused,
		frames_without_a_slot_are_refused, run_that_wraps_is_refused,
		run_given_twice_is_refused, any_run_given_twice_is_refused,
		any_part_of_a_free_block_is_refused, run_that_has_merged_is_refused,
		run_that_runs_into_a_free_block_is_refused, listed_frame_of_a_short_run_is_refused,
		frame_in_use_of_a_short_run_is_refused, frame_in_use_at_either_end_is_refused,
		frame_in_use_at_a_quarter_is_refused, busy_and_unique_frames_are_refused,
		cached_and_parked_frames_are_refused, block_holds_its_frames_and_no_others,
		order_at_is_bounded_by_alignment_length_and_maximum);
	suite_add_tcase(suite, tcase);
	return suite;
}
