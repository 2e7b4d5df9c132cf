/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/frame_alloc.h on one CPU at a time: all memory can be allocated and given back, nothing is
 * allocated twice, free memory is never touched, and frames that the host holds are put aside and not lost. Concurrency
 * is in test_threads.c.
 */
#include "unit/suites.h"

#include <stdlib.h>
#include <string.h>

#include "pagemeta/buddy.h"
#include "pagemeta/meta_check.h"
#include "unit/fixture.h"

#define FRAMES     (SMALL_MACHINE_SIZE / PAGE_SIZE)
#define HOST_SHARE 7 /* the host takes every seventh frame */
#define OTHER_CPU  3
#define BLOCK      UINT64_C(512) /* frames of the blocks that a CPU keeps */
#define OTHER_HOLD 100           /* frames left in the other CPU's cache */

static const struct stamp_meta stamp = {.a = 4, .b = 5, .c = 6};

static frame_t held[FRAMES];
static unsigned held_count;

static void setup(void)
{
	small_allocator_setup();
	held_count = 0;
}

/* Allocates until memory runs out. Bare comparisons: Check's assertions are slow. */
static void take_all(void)
{
	static bool taken[FRAMES];

	memset(taken, 0, sizeof(taken));
	for (;;) {
		frame_t frame = frame_alloc(stamp, &stamp);

		if (!frame.slot)
			return;

		uint64_t index = meta_to_pfn(frame.slot).index;

		if (index >= FRAMES || taken[index])
			ck_abort_msg("frame %lu handed out twice", (unsigned long)index);
		taken[index] = true;
		held[held_count++] = frame;
	}
}

static void put_all(void)
{
	while (held_count)
		frame_put(held[--held_count]);
}

static struct frame_alloc_stats read_stats(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
	return stats;
}

START_TEST(starts_with_all_usable_frames)
{
	uint64_t unused = count_unused(0, SMALL_MACHINE_SIZE);

	ck_assert_uint_eq(read_stats().managed, unused);
	ck_assert_uint_eq(count_free(), unused);
	ck_assert_uint_eq(read_stats().cached, 0);
	ck_assert_uint_eq(read_stats().parked, 0);
}
END_TEST

START_TEST(frame_comes_with_type_and_metadata)
{
	frame_t frame = frame_alloc(stamp, &stamp);

	ck_assert_uint_eq(frame_references(frame), 1);
	ck_assert_ptr_eq(frame_type(frame), &meta_type_stamp);
	ck_assert_mem_eq(frame_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(frame_can_start_unique)
{
	frame_t frame = frame_alloc_claim(&meta_type_stamp, &stamp, sizeof(stamp), REF_UNIQUE);

	ck_assert_ptr_nonnull(frame.slot);
	ck_assert_uint_eq(slot_state_refs(slot_load(frame.slot)), REF_UNIQUE);
	ck_assert_mem_eq(frame_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(each_owner_gets_a_new_generation)
{
	frame_t frame = frame_alloc(stamp, &stamp);
	uint32_t generation = slot_state_generation(slot_load(frame.slot));

	frame_put(frame);

	frame_t again = frame_alloc(stamp, &stamp);

	ck_assert_ptr_eq(again.slot, frame.slot);
	ck_assert_uint_eq(slot_state_generation(slot_load(again.slot)), generation + 1);
}
END_TEST

START_TEST(all_memory_can_be_allocated)
{
	uint64_t managed = read_stats().managed;

	take_all();
	ck_assert_uint_eq(held_count, managed);
	ck_assert_uint_eq(count_free(), 0);
	ck_assert_uint_eq(count_unused(0, SMALL_MACHINE_SIZE), 0);
}
END_TEST

START_TEST(only_usable_frames_are_handed_out)
{
	take_all();
	for (unsigned i = 0; i < held_count; i++) {
		paddr_t frame = frame_paddr(held[i]);

		ck_assert_uint_eq(region_at(&machine.array.partition, frame.addr)->kind,
				  REGION_USABLE);
	}
}
END_TEST

START_TEST(all_memory_can_be_given_back)
{
	struct meta_fault fault;
	struct frame_alloc_stats before = read_stats();

	take_all();
	put_all();
	ck_assert_uint_eq(count_free(), before.managed);
	ck_assert_uint_eq(read_stats().managed, before.managed);
	ck_assert_uint_eq(count_unused(0, SMALL_MACHINE_SIZE), before.managed);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

START_TEST(given_back_memory_merges_when_asked)
{
	frame_alloc_merge();

	struct frame_alloc_stats before = read_stats();

	take_all();
	put_all();
	frame_alloc_merge();

	struct frame_alloc_stats after = read_stats();

	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_eq(after.cached, 0);
}
END_TEST

START_TEST(a_large_run_is_found_by_merging)
{
	pfn_t run;

	/* The largest usable region of the machine has an aligned block of half the machine's size. */
	take_all();
	put_all();
	ck_assert(frame_alloc_take(FRAMES / 4, FRAMES / 4, &run));
	ck_assert_uint_eq(run.index % (FRAMES / 4), 0);
	for (uint64_t i = 0; i < FRAMES / 4; i++)
		ck_assert_int_eq(
			ref_classify(slot_state_refs(pfn_to_meta(pfn(run.index + i))->state)),
			REF_CLASS_UNUSED);
	frame_alloc_give(run, FRAMES / 4);
}
END_TEST

START_TEST(the_tail_of_a_run_goes_back)
{
	uint64_t free_before = count_free();
	pfn_t run;

	ck_assert(frame_alloc_take(5, 1, &run));
	ck_assert_uint_eq(count_free(), free_before - 5);
	/* Giving the run back in two pieces must have the same effect as in one. */
	frame_alloc_give(run, 2);
	frame_alloc_give(pfn(run.index + 2), 3);
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

START_TEST(kept_block_merges_and_can_be_used_up)
{
	uint64_t managed = read_stats().managed;
	pfn_t block;

	ck_assert(frame_alloc_take(BLOCK, BLOCK, &block));
	host_cpu = OTHER_CPU;
	frame_alloc_give(block, BLOCK);
	take_all();
	ck_assert_uint_eq(held_count, managed);
	put_all();
	ck_assert(frame_alloc_take(BLOCK, BLOCK, &block));
	frame_alloc_give(block, BLOCK);
	host_cpu = 0;
	take_all();
	ck_assert_uint_eq(held_count, managed);
	put_all();
	frame_alloc_merge();
	ck_assert_uint_eq(read_stats().cached, 0);
}
END_TEST

START_TEST(runs_that_cannot_be_are_refused)
{
	uint64_t free_before = count_free();
	pfn_t run;

	ck_assert(!frame_alloc_take(0, 1, &run));
	ck_assert(!frame_alloc_take(FRAMES, 1, &run));
	ck_assert(!frame_alloc_take(UINT64_MAX, 1, &run));
	ck_assert(!frame_alloc_take(1, UINT64_C(1) << (FRAME_ORDER_MAX + 1), &run));
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

START_TEST(second_round_finds_the_same_memory)
{
	uint64_t managed = read_stats().managed;

	take_all();
	put_all();
	take_all();
	ck_assert_uint_eq(held_count, managed);
}
END_TEST

START_TEST(exhaustion_changes_nothing)
{
	take_all();

	struct snapshot before = snapshot_take();
	struct frame_alloc_stats stats = read_stats();

	ck_assert_ptr_null(frame_alloc(stamp, &stamp).slot);
	snapshot_check(&before);
	ck_assert_uint_eq(read_stats().managed, stats.managed);
	ck_assert_uint_eq(count_free(), 0);
}
END_TEST

START_TEST(one_frame_given_back_ends_exhaustion)
{
	take_all();
	frame_put(held[0]);

	frame_t frame = frame_alloc(stamp, &stamp);

	ck_assert_ptr_eq(frame.slot, held[0].slot);
}
END_TEST

START_TEST(memory_of_frames_is_never_touched)
{
	uint64_t start = machine.array.base.addr;
	uint64_t end = align_up(start + machine.array.slots * SLOT_SIZE, PAGE_SIZE);

	take_all();
	put_all();
	take_all();
	ck_assert_uint_eq(count_resident(0, SMALL_MACHINE_SIZE), count_resident(start, end));
}
END_TEST

START_TEST(other_cpus_caches_are_drained_before_failing)
{
	uint64_t managed = read_stats().managed;

	host_cpu = OTHER_CPU;
	take_all();
	for (unsigned i = 0; i < OTHER_HOLD; i++)
		frame_put(held[--held_count]);
	ck_assert_uint_eq(read_stats().cached, OTHER_HOLD);
	host_cpu = 0;
	take_all();
	ck_assert_uint_eq(held_count, managed);
}
END_TEST

START_TEST(last_cpu_number_has_a_cache_too)
{
	host_cpu = PLATFORM_MAX_CPUS - 1;
	frame_put(frame_alloc(stamp, &stamp));
	host_cpu = 0;
	take_all();
	ck_assert_uint_eq(held_count, read_stats().managed);
}
END_TEST

START_TEST(added_memory_is_handed_out)
{
	const uint64_t start = SMALL_MACHINE_SIZE / 2;
	const uint64_t end = start + MIB;

	frame_alloc_init(&(struct region_list){0});
	take_all();
	ck_assert_uint_eq(held_count, 0);
	ck_assert_int_eq(frame_alloc_add(paddr(start), paddr(end)), FRAME_ADD_OK);
	ck_assert_uint_eq(read_stats().managed, (end - start) / PAGE_SIZE);
	take_all();
	ck_assert_uint_eq(held_count, (end - start) / PAGE_SIZE);
}
END_TEST

/* The host takes every HOST_SHARE-th free frame, or all of them. Returns how many. */
static uint64_t host_take(uint64_t share)
{
	uint64_t taken = 0;

	for (uint64_t i = 0; i < FRAMES; i += share)
		taken += slot_host_claim(pfn_to_meta(pfn(i)));
	return taken;
}

static void host_give_back(void)
{
	for (uint64_t i = 0; i < FRAMES; i++) {
		struct meta_slot *slot = pfn_to_meta(pfn(i));

		if (slot_state_refs(slot_load(slot)) == REF_HOST)
			host_release(slot);
	}
}

START_TEST(frames_of_the_host_are_not_handed_out)
{
	uint64_t managed = read_stats().managed;
	uint64_t taken = host_take(HOST_SHARE);

	take_all();
	ck_assert_uint_eq(held_count, managed - taken);
	ck_assert_uint_eq(read_stats().parked, taken);
}
END_TEST

START_TEST(frames_of_the_host_in_a_cache_are_not_handed_out)
{
	frame_t frame = frame_alloc(stamp, &stamp);

	frame_put(frame);
	ck_assert(slot_host_claim(frame.slot));
	ck_assert_ptr_ne(frame_alloc(stamp, &stamp).slot, frame.slot);
	ck_assert_uint_eq(slot_state_refs(slot_load(frame.slot)), REF_HOST);
}
END_TEST

START_TEST(frames_come_back_when_the_host_lets_go)
{
	uint64_t managed = read_stats().managed;

	host_take(HOST_SHARE);
	take_all();
	host_give_back();
	take_all();
	ck_assert_uint_eq(held_count, managed);
	ck_assert_uint_eq(read_stats().parked, 0);
}
END_TEST

START_TEST(host_that_holds_everything_means_no_memory)
{
	uint64_t managed = read_stats().managed;

	ck_assert_uint_eq(host_take(1), managed);
	take_all();
	ck_assert_uint_eq(held_count, 0);
	ck_assert_uint_eq(read_stats().parked, managed);
	host_give_back();
	take_all();
	ck_assert_uint_eq(held_count, managed);
}
END_TEST

START_TEST(host_claims_that_end_unseen_leave_no_trace)
{
	uint64_t managed = read_stats().managed;

	host_take(HOST_SHARE);
	host_give_back();
	take_all();
	ck_assert_uint_eq(held_count, managed);
	put_all();
	ck_assert_uint_eq(count_free(), managed);
}
END_TEST

/* Each of these must abort. */
START_TEST(second_put_of_a_freed_frame_aborts)
{
	frame_t frame = frame_alloc(stamp, &stamp);

	frame_put(frame);
	frame_put(frame);
}
END_TEST

START_TEST(free_frame_that_is_busy_aborts)
{
	/* The state of a frame that was released before its slot was reset. */
	frame_t frame = frame_alloc(stamp, &stamp);

	frame_put(frame);
	frame.slot->state = slot_state(0, REF_BUSY);
	CALL_FOR_ABORT(frame_alloc(stamp, &stamp));
}
END_TEST

Suite *frame_alloc_suite(void)
{
	Suite *suite = suite_create("frame_alloc");
	TCase *tcase = tcase_create("frame_alloc");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(
		tcase, starts_with_all_usable_frames, frame_comes_with_type_and_metadata,
		frame_can_start_unique, each_owner_gets_a_new_generation,
		all_memory_can_be_allocated, only_usable_frames_are_handed_out,
		all_memory_can_be_given_back, given_back_memory_merges_when_asked,
		a_large_run_is_found_by_merging, the_tail_of_a_run_goes_back,
		kept_block_merges_and_can_be_used_up, runs_that_cannot_be_are_refused,
		second_round_finds_the_same_memory, exhaustion_changes_nothing,
		one_frame_given_back_ends_exhaustion, memory_of_frames_is_never_touched,
		other_cpus_caches_are_drained_before_failing, last_cpu_number_has_a_cache_too,
		added_memory_is_handed_out, frames_of_the_host_are_not_handed_out,
		frames_of_the_host_in_a_cache_are_not_handed_out,
		frames_come_back_when_the_host_lets_go, host_that_holds_everything_means_no_memory,
		host_claims_that_end_unseen_leave_no_trace);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, setup, machine_destroy, second_put_of_a_freed_frame_aborts,
			      free_frame_that_is_busy_aborts);
	return suite;
}
