/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of segments from the allocator (pagemeta/segment.h): runs come and go as a whole, and frames that the host
 * holds are put aside and not lost.
 */
#include "unit/suites.h"

#include "pagemeta/meta_check.h"
#include "pagemeta/segment.h"
#include "unit/fixture.h"

#define FRAMES (SMALL_MACHINE_SIZE / PAGE_SIZE)
#define COUNT  UINT64_C(9)
#define MIDDLE UINT64_C(4)

static unsigned fills;

static void fill_stamp(void *context, uint64_t index, struct stamp_meta *stamp)
{
	ck_assert_ptr_eq(context, &fills);
	stamp->a = index;
	fills++;
}

static struct segment alloc(uint64_t count)
{
	struct segment segment = SEGMENT_NONE;

	ck_assert(segment_alloc(stamp, count, 1, fill_stamp, &fills, &segment));
	return segment;
}

static void assert_references(const struct meta_slot *slots, uint64_t count, uint32_t refs)
{
	for (uint64_t i = 0; i < count; i++)
		ck_assert_uint_eq(slot_state_refs(slot_load(&slots[i])), refs);
}

START_TEST(allocated_run_is_aligned_and_comes_back)
{
	uint64_t free_before = count_free();
	struct segment segment;

	ck_assert(segment_alloc(stamp, COUNT, 16, fill_stamp, &fills, &segment));
	ck_assert_uint_eq(segment.first.index % 16, 0);
	ck_assert_uint_eq(segment.count, COUNT);
	assert_references(pfn_to_meta(segment.first), COUNT, 1);
	ck_assert_uint_eq(count_free(), free_before - COUNT);
	segment_drop(&segment);
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

START_TEST(all_memory_comes_back_from_segments)
{
	static struct segment segments[FRAMES];
	struct meta_fault fault;
	uint64_t free_before = count_free();
	unsigned count = 0;

	while (segment_alloc(stamp, COUNT, 1, NULL, NULL, &segments[count]))
		count++;
	ck_assert_uint_gt(count, 0);
	while (count)
		segment_drop(&segments[--count]);
	ck_assert_uint_eq(count_free(), free_before);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

START_TEST(run_that_is_not_there_is_refused)
{
	const struct segment untouched = {{1}, 2};
	struct segment out = untouched;

	/* Blocks merged by a refused call stay merged, so merge before the snapshot. */
	frame_alloc_merge();
	ck_assert(!segment_alloc(stamp, FRAMES, 1, fill_stamp, &fills, &out));

	struct snapshot before = snapshot_take();
	uint64_t free_before = count_free();

	ck_assert(!segment_alloc(stamp, FRAMES, 1, fill_stamp, &fills, &out));
	ck_assert_mem_eq(&out, &untouched, sizeof(out));
	ck_assert_uint_eq(count_free(), free_before);
	snapshot_check(&before);
}
END_TEST

START_TEST(run_with_a_frame_of_the_host_is_left_for_another)
{
	uint64_t free_before = count_free();
	struct segment probe = alloc(COUNT);
	struct meta_slot *slots = pfn_to_meta(probe.first);
	struct frame_alloc_stats stats;

	segment_drop(&probe);
	ck_assert(slot_host_claim(&slots[MIDDLE]));
	ck_assert(slot_host_claim(&slots[MIDDLE + 2]));
	probe = alloc(COUNT);
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert_uint_eq(frame_borrow_meta(segment_frame(&probe, i), stamp)->a, i);
	assert_references(pfn_to_meta(probe.first), COUNT, 1);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(stats.parked, 2);
	ck_assert_uint_eq(count_free(), free_before - COUNT - 2);
	ck_assert(host_release(&slots[MIDDLE]));
	ck_assert(host_release(&slots[MIDDLE + 2]));
	segment_drop(&probe);
	frame_alloc_merge();
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

START_TEST(host_that_holds_a_frame_of_every_run_loses_no_memory)
{
	struct segment out = SEGMENT_NONE;
	uint64_t free_before = count_free();

	for (uint64_t i = 0; i < FRAMES; i += COUNT)
		(void)slot_host_claim(pfn_to_meta(pfn(i)));
	ck_assert(!segment_alloc(stamp, COUNT, 1, fill_stamp, &fills, &out));
	ck_assert_uint_eq(out.count, 0);
	for (uint64_t i = 0; i < FRAMES; i += COUNT)
		(void)host_release(pfn_to_meta(pfn(i)));
	frame_alloc_merge();
	ck_assert_uint_eq(count_free(), free_before);
	alloc(COUNT);
}
END_TEST

/* Writes dirt at both ends of each free frame. */
static void soil_free_memory(void)
{
	for (uint64_t i = 0; i < FRAMES; i++) {
		uint8_t *bytes = platform_phys_to_virt(pfn_to_paddr(pfn(i)));

		if (slot_state_refs(slot_load(pfn_to_meta(pfn(i)))) == REF_UNUSED)
			bytes[0] = bytes[PAGE_SIZE - 1] = 0xee;
	}
}

START_TEST(zeroed_run_has_bytes_that_are_zero)
{
	static const uint8_t zeroes[COUNT * PAGE_SIZE];
	struct segment segment;

	soil_free_memory();
	ck_assert(segment_alloc_zeroed(stamp, COUNT, 16, fill_stamp, &fills, &segment));
	ck_assert_uint_eq(segment.count, COUNT);
	ck_assert_mem_eq(platform_phys_to_virt(segment_start(&segment)), zeroes, sizeof(zeroes));
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert_uint_eq(frame_borrow_meta(segment_frame(&segment, i), stamp)->a, i);

	const uint8_t *past = platform_phys_to_virt(pfn_to_paddr(pfn(segment.first.index + COUNT)));

	ck_assert_uint_eq(past[0], 0xee);
}
END_TEST

START_TEST(run_that_the_host_spoils_is_not_zeroed)
{
	struct segment probe = alloc(COUNT);
	struct meta_slot *slots = pfn_to_meta(probe.first);
	const uint8_t *bytes = platform_phys_to_virt(segment_start(&probe));

	segment_drop(&probe);
	soil_free_memory();
	ck_assert(slot_host_claim(&slots[MIDDLE]));
	ck_assert(segment_alloc_zeroed(stamp, COUNT, 1, NULL, NULL, &probe));
	ck_assert_uint_eq(bytes[MIDDLE * PAGE_SIZE], 0xee);
}
END_TEST

START_TEST(zeroed_run_that_is_not_there_is_refused)
{
	struct segment out = SEGMENT_NONE;

	frame_alloc_merge();

	struct snapshot before = snapshot_take();
	uint64_t free_before = count_free();

	ck_assert(!segment_alloc_zeroed(stamp, FRAMES, 1, fill_stamp, &fills, &out));
	ck_assert_uint_eq(out.count, 0);
	ck_assert_uint_eq(count_free(), free_before);
	snapshot_check(&before);
}
END_TEST

Suite *segment_alloc_suite(void)
{
	Suite *suite = suite_create("segment_alloc");
	TCase *tcase = tcase_create("segment_alloc");

	tcase_add_checked_fixture(tcase, small_allocator_setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, allocated_run_is_aligned_and_comes_back,
			all_memory_comes_back_from_segments, run_that_is_not_there_is_refused,
			run_with_a_frame_of_the_host_is_left_for_another,
			host_that_holds_a_frame_of_every_run_loses_no_memory,
			zeroed_run_has_bytes_that_are_zero, run_that_the_host_spoils_is_not_zeroed,
			zeroed_run_that_is_not_there_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
