/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of what the allocator manages (pagemeta/frame_alloc.h): frame_alloc_add takes what it can, and changes nothing
 * when it refuses; a frame that was never added does not enter circulation.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "pagemeta/frame_bundle.h"
#include "pagemeta/managed_ranges.h"
#include "unit/fixture.h"

/* Frame numbers: the managed range, and the end of memory. */
#define START     UINT64_C(1024)
#define COUNT     UINT64_C(256)
#define END       (START + COUNT)
#define LAST      (SMALL_MACHINE_SIZE / PAGE_SIZE)
#define OTHER_CPU 3

#define CACHE_FRAMES (3 * BUNDLE_FRAMES)

static const struct stamp_meta stamp = {.a = 4, .b = 5, .c = 6};

static frame_t held[COUNT];

static enum frame_add_error add(uint64_t start, uint64_t end)
{
	return frame_alloc_add(paddr(start * PAGE_SIZE), paddr(end * PAGE_SIZE));
}

static void setup(void)
{
	small_machine_setup();
	ck_assert_int_eq(add(START, END), FRAME_ADD_OK);
}

static struct frame_alloc_stats read_stats(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
	return stats;
}

/* The call is refused, and slots and allocator are unchanged. */
static void assert_refused(uint64_t start, uint64_t end, enum frame_add_error error)
{
	struct snapshot before = snapshot_take();
	struct frame_alloc_stats stats = read_stats();

	ck_assert_int_eq(frame_alloc_add(paddr(start), paddr(end)), error);

	struct frame_alloc_stats after = read_stats();

	ck_assert_mem_eq(&stats, &after, sizeof(stats));
	snapshot_check(&before);
}

static frame_t claim(uint64_t frame)
{
	frame_t claimed = FRAME_NONE;

	ck_assert_int_eq(frame_claim(stamp, paddr(frame * PAGE_SIZE), &stamp, &claimed), FRAME_OK);
	return claimed;
}

START_TEST(range_that_touches_is_added)
{
	ck_assert_int_eq(add(END, END + 1), FRAME_ADD_OK);
	ck_assert_int_eq(add(START - 1, START), FRAME_ADD_OK);
	ck_assert_uint_eq(read_stats().managed, COUNT + 2);
	ck_assert_uint_eq(count_free(), COUNT + 2);
}
END_TEST

START_TEST(last_frame_of_memory_is_added)
{
	ck_assert_int_eq(add(LAST - 1, LAST), FRAME_ADD_OK);
	ck_assert_uint_eq(read_stats().managed, COUNT + 1);
}
END_TEST

START_TEST(empty_range_adds_nothing)
{
	assert_refused(0, 0, FRAME_ADD_OK);
	assert_refused(START * PAGE_SIZE, START * PAGE_SIZE, FRAME_ADD_OK);
	assert_refused(SMALL_MACHINE_SIZE, SMALL_MACHINE_SIZE, FRAME_ADD_OK);
}
END_TEST

START_TEST(unaligned_range_is_refused)
{
	const uint64_t end = END * PAGE_SIZE;

	assert_refused(end + 1, end + PAGE_SIZE, FRAME_ADD_NOT_ALIGNED);
	assert_refused(end, end + PAGE_SIZE - 1, FRAME_ADD_NOT_ALIGNED);
	assert_refused(end + 1, end + 1, FRAME_ADD_NOT_ALIGNED);
}
END_TEST

START_TEST(range_past_the_last_slot_is_refused)
{
	const uint64_t end = SMALL_MACHINE_SIZE;

	assert_refused(end, end + PAGE_SIZE, FRAME_ADD_OUT_OF_BOUND);
	assert_refused(end - PAGE_SIZE, end + PAGE_SIZE, FRAME_ADD_OUT_OF_BOUND);
	assert_refused(align_down(UINT64_MAX, PAGE_SIZE), 0, FRAME_ADD_OUT_OF_BOUND);
	assert_refused(end - PAGE_SIZE, align_down(UINT64_MAX, PAGE_SIZE), FRAME_ADD_OUT_OF_BOUND);
}
END_TEST

START_TEST(range_that_ends_before_it_starts_is_refused)
{
	assert_refused((END + 2) * PAGE_SIZE, (END + 1) * PAGE_SIZE, FRAME_ADD_OUT_OF_BOUND);
}
END_TEST

START_TEST(managed_frames_are_refused)
{
	assert_refused(START * PAGE_SIZE, END * PAGE_SIZE, FRAME_ADD_MANAGED);
	assert_refused((START - 1) * PAGE_SIZE, (START + 1) * PAGE_SIZE, FRAME_ADD_MANAGED);
	assert_refused((END - 1) * PAGE_SIZE, (END + 1) * PAGE_SIZE, FRAME_ADD_MANAGED);
}
END_TEST

START_TEST(managed_frames_in_use_are_refused_as_managed)
{
	paddr_t frame = frame_paddr(frame_alloc(stamp, &stamp));

	assert_refused(frame.addr, frame.addr + PAGE_SIZE, FRAME_ADD_MANAGED);
}
END_TEST

START_TEST(frames_in_use_are_refused)
{
	claim(END + 3);
	assert_refused(END * PAGE_SIZE, (END + 4) * PAGE_SIZE, FRAME_ADD_IN_USE);
	ck_assert_int_eq(add(END, END + 3), FRAME_ADD_OK);
}
END_TEST

START_TEST(busy_and_unique_frames_are_refused)
{
	struct meta_slot *slot = pfn_to_meta(pfn(END));

	ck_assert_int_eq(slot_claim_begin(slot, &(uint64_t){0}), REF_CLASS_UNUSED);
	assert_refused(END * PAGE_SIZE, (END + 1) * PAGE_SIZE, FRAME_ADD_IN_USE);
	slot_publish(slot, slot_load(slot), REF_UNIQUE);
	assert_refused(END * PAGE_SIZE, (END + 1) * PAGE_SIZE, FRAME_ADD_IN_USE);
}
END_TEST

START_TEST(frames_of_the_host_are_added)
{
	struct meta_slot *slot = pfn_to_meta(pfn(END));

	ck_assert(slot_host_claim(slot));
	ck_assert_int_eq(add(END, END + 1), FRAME_ADD_OK);
	ck_assert(slot_host_release(slot));
	ck_assert_uint_eq(count_free(), COUNT + 1);
}
END_TEST

START_TEST(one_range_too_many_is_refused)
{
	/* The set-up added the first one. */
	for (uint64_t i = 1; i < MANAGED_RANGES_MAX; i++)
		ck_assert_int_eq(add(END + 2 * i, END + 2 * i + 1), FRAME_ADD_OK);
	assert_refused((START - 2) * PAGE_SIZE, (START - 1) * PAGE_SIZE, FRAME_ADD_FULL);
	ck_assert_int_eq(add(END, END + 2), FRAME_ADD_OK);
	ck_assert_int_eq(add(START - 2, START - 1), FRAME_ADD_OK);
}
END_TEST

/* Allocates everything; the frames are in held[]. */
static unsigned take_all(void)
{
	unsigned count = 0;

	while (count < COUNT && (held[count] = frame_alloc(stamp, &stamp)).slot)
		count++;
	return count;
}

START_TEST(frames_of_many_ranges_come_back_in_any_order)
{
	unsigned count;

	frame_alloc_init(&(struct region_list){0});
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(add(START + i + i / 4, START + i + i / 4 + 1), FRAME_ADD_OK);
	count = take_all();
	ck_assert_uint_eq(count, COUNT);
	for (unsigned step = 0; step < COUNT; step++)
		frame_put(held[(step * 37) % COUNT]);
	ck_assert_uint_eq(count_free(), COUNT);
	ck_assert_uint_eq(take_all(), COUNT);
}
END_TEST

/* Two CPUs allocate and free while a third one adds single frames that are not adjacent. */
static bool stop;

static void *run_churn(void *cpu)
{
	host_cpu = *(const unsigned *)cpu;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		frame_t first = frame_alloc(stamp, &stamp);
		frame_t second = frame_alloc(stamp, &stamp);

		if (first.slot)
			frame_put(first);
		if (second.slot)
			frame_put(second);
	}
	return NULL;
}

START_TEST(memory_is_added_while_others_free)
{
	static const unsigned cpus[] = {1, 2};
	pthread_t threads[2];

	stop = false;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_churn, (void *)&cpus[i]), 0);
	/* First every second frame, from the end, so that ranges move; then the frames between them. */
	for (uint64_t i = MANAGED_RANGES_MAX - 1; i > 0; i--)
		ck_assert_int_eq(add(END + 2 * i, END + 2 * i + 1), FRAME_ADD_OK);
	for (uint64_t i = MANAGED_RANGES_MAX - 1; i > 0; i--)
		ck_assert_int_eq(add(END + 2 * i - 1, END + 2 * i), FRAME_ADD_OK);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(read_stats().managed, COUNT + 2 * (MANAGED_RANGES_MAX - 1));
	ck_assert_uint_eq(count_free(), read_stats().managed);
}
END_TEST

/* Each of these must abort. */
START_TEST(foreign_frame_is_not_handed_out)
{
	frame_put(claim(END));
	CALL_FOR_ABORT(frame_alloc(stamp, &stamp));
}
END_TEST

START_TEST(foreign_frame_before_the_range_is_not_handed_out)
{
	frame_put(claim(START - 1));
	CALL_FOR_ABORT(frame_alloc(stamp, &stamp));
}
END_TEST

START_TEST(foreign_frame_of_the_kernel_is_not_handed_out)
{
	/* A frame of the array itself, whose slot says meta_page. */
	frame_put((frame_t){frame_to_meta(machine.array.base)});
	CALL_FOR_ABORT(frame_alloc(stamp, &stamp));
}
END_TEST

START_TEST(foreign_unique_frame_is_not_handed_out)
{
	frame_t frame = claim(END);

	ck_assert(slot_unshare(frame.slot));
	frame_drop(frame.slot, slot_unique_drop(frame.slot));
	CALL_FOR_ABORT(frame_alloc(stamp, &stamp));
}
END_TEST

START_TEST(foreign_frame_among_others_is_not_stacked)
{
	take_all();
	for (unsigned i = 0; i < BUNDLE_FRAMES; i++)
		frame_put(i == BUNDLE_FRAMES / 2 ? claim(END) : held[i]);
}
END_TEST

/* The stack is full: freed frames go to the depot. */
START_TEST(foreign_frame_is_not_spilled)
{
	take_all();
	for (unsigned i = 0; i < CACHE_FRAMES + BUNDLE_FRAMES; i++)
		frame_put(i == CACHE_FRAMES + 1 ? claim(END) : held[i]);
}
END_TEST

START_TEST(foreign_frame_of_another_cpu_is_not_merged)
{
	host_cpu = OTHER_CPU;
	frame_put(claim(END));
	host_cpu = 0;
	frame_alloc_merge();
}
END_TEST

START_TEST(foreign_frame_that_is_put_aside_aborts)
{
	frame_alloc_put_aside(pfn(END));
}
END_TEST

START_TEST(frame_that_is_put_aside_twice_aborts)
{
	pfn_t frame;

	ck_assert(frame_alloc_take(1, 1, &frame));
	ck_assert(slot_host_claim(pfn_to_meta(frame)));
	frame_alloc_put_aside(frame);
	frame_alloc_put_aside(frame);
}
END_TEST

START_TEST(free_block_that_is_put_aside_aborts)
{
	frame_alloc_put_aside(pfn(START));
}
END_TEST

START_TEST(frame_inside_a_free_block_that_is_put_aside_aborts)
{
	frame_alloc_put_aside(pfn(START + 1));
}
END_TEST

START_TEST(frame_in_use_that_is_put_aside_aborts)
{
	pfn_t frame;

	ck_assert(frame_alloc_take(1, 1, &frame));
	claim(frame.index);
	frame_alloc_put_aside(frame);
}
END_TEST

START_TEST(frame_without_a_slot_that_is_put_aside_aborts)
{
	frame_alloc_put_aside(pfn(UINT64_MAX / PAGE_SIZE));
}
END_TEST

START_TEST(partition_past_the_last_slot_aborts)
{
	struct region_list partition = {
		.count = 1,
		.regions = {{0, SMALL_MACHINE_SIZE + PAGE_SIZE, REGION_USABLE}},
	};

	frame_alloc_init(&partition);
}
END_TEST

START_TEST(partition_that_overlaps_itself_aborts)
{
	struct region_list partition = {
		.count = 2,
		.regions = {{START * PAGE_SIZE, END * PAGE_SIZE, REGION_USABLE},
			    {START * PAGE_SIZE, END * PAGE_SIZE, REGION_USABLE}},
	};

	frame_alloc_init(&partition);
}
END_TEST

Suite *frame_add_suite(void)
{
	Suite *suite = suite_create("frame_add");
	TCase *tcase = tcase_create("frame_add");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, range_that_touches_is_added, last_frame_of_memory_is_added,
			empty_range_adds_nothing, unaligned_range_is_refused,
			range_past_the_last_slot_is_refused,
			range_that_ends_before_it_starts_is_refused, managed_frames_are_refused,
			managed_frames_in_use_are_refused_as_managed, frames_in_use_are_refused,
			busy_and_unique_frames_are_refused, frames_of_the_host_are_added,
			one_range_too_many_is_refused, frames_of_many_ranges_come_back_in_any_order,
			memory_is_added_while_others_free);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(
		suite, setup, machine_destroy, foreign_frame_is_not_handed_out,
		foreign_frame_before_the_range_is_not_handed_out,
		foreign_frame_of_the_kernel_is_not_handed_out,
		foreign_unique_frame_is_not_handed_out, foreign_frame_among_others_is_not_stacked,
		foreign_frame_is_not_spilled, foreign_frame_of_another_cpu_is_not_merged,
		foreign_frame_that_is_put_aside_aborts, frame_that_is_put_aside_twice_aborts,
		free_block_that_is_put_aside_aborts,
		frame_inside_a_free_block_that_is_put_aside_aborts,
		frame_in_use_that_is_put_aside_aborts,
		frame_without_a_slot_that_is_put_aside_aborts, partition_past_the_last_slot_aborts,
		partition_that_overlaps_itself_aborts);
	return suite;
}
