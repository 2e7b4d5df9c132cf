/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/segment.h: made as a whole or not at all, cut, joined and walked, and dropped frame by frame where
 * nobody else holds one. Segments from the allocator are in test_segment_alloc.c.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/segment.h"
#include "unit/fixture.h"

#define COUNT        UINT64_C(9)
#define MIDDLE       UINT64_C(4)
#define GENERATION   UINT32_C(77)
#define ILLEGAL_REFS (REF_MAX_HELD + 1)

static unsigned fills;
static unsigned drops;

static void fill_stamp(void *context, uint64_t index, struct stamp_meta *stamp)
{
	ck_assert_uint_eq(stamp->a | stamp->b | stamp->c, 0);
	stamp->a = index;
	stamp->b = (uintptr_t)context;
	fills++;
}

static void fill_node(void *context, uint64_t index, struct node_meta *node)
{
	(void)context;
	node->id = index;
}

static void count_drop(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)meta;
	(void)bytes;
	drops++;
}

/* The allocator manages everything from some_unused_frame() on, and lists only dropped frames. */
static void setup(void)
{
	const uint64_t size = SMALL_MACHINE_SIZE - some_unused_frame().addr;
	pfn_t taken;

	small_machine_setup();
	ck_assert_int_eq(frame_alloc_add(some_unused_frame(), paddr(SMALL_MACHINE_SIZE)),
			 FRAME_ADD_OK);
	ck_assert(frame_alloc_take(size / PAGE_SIZE, 1, &taken));
	fills = 0;
	drops = 0;
}

static struct meta_slot *slot_at(uint64_t index)
{
	return frame_to_meta(some_unused_frame()) + index;
}

static enum frame_error claim_at(paddr_t start, uint64_t count, struct segment *out)
{
	return segment_claim(stamp, start, count, fill_stamp, &fills, out);
}

static struct segment claim(void)
{
	struct segment segment;

	ck_assert_uint_eq(claim_at(some_unused_frame(), COUNT, &segment), FRAME_OK);
	return segment;
}

static void assert_segment(const struct segment *segment, uint64_t first, uint64_t count)
{
	ck_assert_uint_eq(segment->first.index, first);
	ck_assert_uint_eq(segment->count, count);
}

static void assert_references(const struct meta_slot *slots, uint64_t count, uint32_t refs)
{
	for (uint64_t i = 0; i < count; i++)
		ck_assert_uint_eq(slot_state_refs(slot_load(&slots[i])), refs);
}

START_TEST(claimed_frames_have_type_metadata_and_one_reference)
{
	struct segment segment = claim();
	uint64_t index = 0;

	assert_segment(&segment, paddr_to_pfn(some_unused_frame()).index, COUNT);
	ck_assert_uint_eq(segment_start(&segment).addr, some_unused_frame().addr);
	ck_assert_uint_eq(segment_bytes(&segment), COUNT * PAGE_SIZE);
	segment_for_each (frame, &segment) {
		ck_assert_uint_eq(frame_borrow_meta(frame, stamp)->a, index++);
		ck_assert_uint_eq(frame_borrow_meta(frame, stamp)->b, (uintptr_t)&fills);
	}
	ck_assert_uint_eq(index, COUNT);
	ck_assert_uint_eq(fills, COUNT);
	assert_references(slot_at(0), COUNT, 1);
}
END_TEST

START_TEST(claim_touches_its_own_slots_alone)
{
	struct snapshot before = snapshot_take();

	claim();
	memcpy(&before.slots[meta_to_pfn(slot_at(0)).index], slot_at(0), COUNT * SLOT_SIZE);
	snapshot_check(&before);
}
END_TEST

START_TEST(without_fill_metadata_is_zero)
{
	const struct stamp_meta zero = {0};
	struct segment segment;

	ck_assert_uint_eq(segment_claim(stamp, some_unused_frame(), COUNT, NULL, NULL, &segment),
			  FRAME_OK);
	segment_for_each (frame, &segment)
		ck_assert_mem_eq(frame_borrow_meta(frame, stamp), &zero, sizeof(zero));
}
END_TEST

START_TEST(claim_reaches_the_last_frame)
{
	struct segment segment;

	ck_assert_uint_eq(claim_at(paddr(SMALL_MACHINE_SIZE - COUNT * PAGE_SIZE), COUNT, &segment),
			  FRAME_OK);
}
END_TEST

/* A claim that meets `refs` at frame MIDDLE must change nothing. */
static void assert_refused_part_way(uint32_t refs, enum frame_error expected)
{
	const struct segment untouched = {{1}, 2};
	struct segment out = untouched;

	for (uint64_t i = 0; i < COUNT; i++) {
		slot_at(i)->state = slot_state(GENERATION, REF_UNUSED);
		slot_at(i)->storage[0] = i;
	}
	slot_at(MIDDLE)->state = slot_state(GENERATION, refs);

	struct snapshot before = snapshot_take();

	ck_assert_uint_eq(claim_at(some_unused_frame(), COUNT, &out), expected);
	ck_assert_mem_eq(&out, &untouched, sizeof(out));
	ck_assert_uint_eq(fills, 0);
	snapshot_check(&before);
	ck_assert_uint_eq(count_free(), 0);
}

START_TEST(claim_over_a_shared_frame_is_undone)
{
	assert_refused_part_way(3, FRAME_IN_USE);
}
END_TEST

START_TEST(claim_over_a_busy_frame_is_undone)
{
	assert_refused_part_way(REF_BUSY, FRAME_BUSY);
}
END_TEST

START_TEST(claim_over_a_unique_frame_is_undone)
{
	assert_refused_part_way(REF_UNIQUE, FRAME_UNIQUE);
}
END_TEST

START_TEST(claim_over_a_frame_of_the_host_is_undone)
{
	assert_refused_part_way(REF_HOST, FRAME_HOST);
}
END_TEST

START_TEST(claim_works_after_one_that_was_undone)
{
	assert_refused_part_way(REF_HOST, FRAME_HOST);
	ck_assert(slot_host_release(slot_at(MIDDLE)));
	claim();
	assert_references(slot_at(0), COUNT, 1);
}
END_TEST

/* The host claims a frame between the claim's first frame and the one it takes. */
static void fill_and_lose(void *context, uint64_t index, struct stamp_meta *meta)
{
	(void)meta;
	if (index == 0)
		ck_assert(slot_host_claim(context));
}

START_TEST(claim_that_loses_a_race_is_undone)
{
	const struct segment untouched = {{1}, 2};
	struct segment out = untouched;

	for (uint64_t i = 0; i < COUNT; i++)
		slot_at(i)->state = slot_state(GENERATION, REF_UNUSED);

	struct snapshot before = snapshot_take();
	struct meta_slot *expected = &before.slots[meta_to_pfn(slot_at(0)).index];

	ck_assert_uint_eq(segment_claim(stamp, some_unused_frame(), COUNT, fill_and_lose,
					slot_at(MIDDLE), &out),
			  FRAME_HOST);
	ck_assert_mem_eq(&out, &untouched, sizeof(out));
	for (uint64_t i = 0; i < MIDDLE; i++) {
		expected[i] = *slot_at(i);
		expected[i].state = slot_state(GENERATION + 1, REF_UNUSED);
		expected[i].vtable_ptr = 0;
	}
	expected[MIDDLE].state = slot_state(GENERATION + 1, REF_HOST);
	snapshot_check(&before);
	ck_assert_uint_eq(count_free(), 0);
}
END_TEST

static void fill_and_look(void *context, uint64_t index, struct stamp_meta *meta)
{
	frame_t out;

	(void)context;
	(void)meta;
	for (uint64_t i = 0; i < index; i++)
		ck_assert_uint_eq(frame_from_in_use(meta_to_frame(slot_at(i)), &out), FRAME_BUSY);
}

START_TEST(nobody_gets_a_frame_before_all_are_taken)
{
	struct segment segment;

	ck_assert_uint_eq(
		segment_claim(stamp, some_unused_frame(), COUNT, fill_and_look, NULL, &segment),
		FRAME_OK);
}
END_TEST

START_TEST(ranges_without_slots_are_refused)
{
	static const struct {
		uint64_t addr;
		uint64_t count;
		enum frame_error error;
	} cases[] = {
		{SMALL_MACHINE_SIZE, 1, FRAME_OUT_OF_BOUND},
		{SMALL_MACHINE_SIZE - PAGE_SIZE, 2, FRAME_OUT_OF_BOUND},
		{SMALL_MACHINE_SIZE + PAGE_SIZE, 0, FRAME_OUT_OF_BOUND},
		{UINT64_MAX - PAGE_SIZE + 1, 0, FRAME_OUT_OF_BOUND},
		{UINT64_MAX - PAGE_SIZE + 1, 1, FRAME_OUT_OF_BOUND},
		{SMALL_MACHINE_SIZE / 2 + 1, 0, FRAME_NOT_ALIGNED},
		{SMALL_MACHINE_SIZE / 2, UINT64_MAX, FRAME_OUT_OF_BOUND},
		{SMALL_MACHINE_SIZE / 2, UINT64_MAX / PAGE_SIZE + 1, FRAME_OUT_OF_BOUND},
		{SMALL_MACHINE_SIZE / 2 + 1, 1, FRAME_NOT_ALIGNED},
	};
	const struct segment untouched = {{1}, 2};
	struct segment out = untouched;
	struct snapshot before = snapshot_take();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(claim_at(paddr(cases[i].addr), cases[i].count, &out),
				  cases[i].error);
	ck_assert_mem_eq(&out, &untouched, sizeof(out));
	snapshot_check(&before);
}
END_TEST

START_TEST(dropped_frames_go_to_the_allocator)
{
	struct segment segment = claim();

	ck_assert_uint_eq(segment_drop(&segment), COUNT);
	ck_assert_uint_eq(segment.count, 0);
	assert_references(slot_at(0), COUNT, REF_UNUSED);
	for (uint64_t i = 1; i < COUNT; i++)
		ck_assert(!meta_type_is_valid(slot_at(i)->vtable_ptr));
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(dropping_an_empty_segment_does_nothing)
{
	struct segment segment = SEGMENT_NONE;
	struct snapshot before = snapshot_take();

	ck_assert_uint_eq(segment_drop(&segment), 0);
	snapshot_check(&before);
}
END_TEST

START_TEST(frames_that_others_hold_stay)
{
	struct segment segment = claim();
	frame_t held = frame_borrow_get(segment_frame(&segment, MIDDLE));

	ck_assert_uint_eq(segment_drop(&segment), COUNT - 1);
	ck_assert_uint_eq(frame_references(held), 1);
	ck_assert_uint_eq(frame_meta(held, stamp)->a, MIDDLE);
	ck_assert_uint_eq(count_free(), COUNT - 1);
	ck_assert(frame_put(held));
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(on_drop_runs_for_each_frame)
{
	struct segment segment;

	ck_assert_uint_eq(
		segment_claim(node, some_unused_frame(), COUNT, fill_node, NULL, &segment),
		FRAME_OK);
	node_on_drop = count_drop;
	ck_assert_uint_eq(segment_drop(&segment), COUNT);
	ck_assert_uint_eq(drops, COUNT);
	ck_assert_uint_eq(count_free(), COUNT);
	assert_references(slot_at(0), COUNT, REF_UNUSED);
}
END_TEST

START_TEST(split_parts_are_dropped_one_by_one)
{
	struct segment head = claim();
	uint64_t first = head.first.index;
	struct segment tail;

	ck_assert(segment_split(&head, MIDDLE, &tail));
	assert_segment(&head, first, MIDDLE);
	assert_segment(&tail, first + MIDDLE, COUNT - MIDDLE);
	segment_drop(&head);
	assert_references(slot_at(MIDDLE), COUNT - MIDDLE, 1);
	segment_drop(&tail);
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(split_past_the_end_is_refused)
{
	struct segment segment = claim();
	const struct segment before = segment;
	const struct segment untouched = {{1}, 2};
	struct segment tail = untouched;

	ck_assert(!segment_split(&segment, COUNT + 1, &tail));
	ck_assert(!segment_split(&segment, UINT64_MAX, &tail));
	ck_assert_mem_eq(&segment, &before, sizeof(segment));
	ck_assert_mem_eq(&tail, &untouched, sizeof(tail));
}
END_TEST

START_TEST(neighbours_can_be_joined)
{
	struct segment segment = claim();
	const struct segment whole = segment;
	struct segment tail;

	ck_assert(segment_split(&segment, MIDDLE, &tail));
	ck_assert(segment_join(&segment, &tail));
	ck_assert_mem_eq(&segment, &whole, sizeof(segment));
	ck_assert_uint_eq(tail.count, 0);
}
END_TEST

START_TEST(others_than_neighbours_cannot_be_joined)
{
	struct segment head = claim();
	struct segment tail;

	ck_assert(segment_split(&head, MIDDLE, &tail));

	const struct segment head_before = head;
	const struct segment tail_before = tail;

	ck_assert(!segment_join(&tail, &head));
	ck_assert_mem_eq(&head, &head_before, sizeof(head));
	ck_assert_mem_eq(&tail, &tail_before, sizeof(tail));
}
END_TEST

START_TEST(slice_has_references_of_its_own)
{
	struct segment segment = claim();
	struct segment slice;

	ck_assert(segment_slice(&segment, 1, COUNT - 2, &slice));
	assert_segment(&slice, segment.first.index + 1, COUNT - 2);
	assert_references(slot_at(0), 1, 1);
	assert_references(slot_at(1), COUNT - 2, 2);
	assert_references(slot_at(COUNT - 1), 1, 1);
	ck_assert_uint_eq(segment_drop(&segment), 2);
	ck_assert_uint_eq(count_free(), 2);
	ck_assert_uint_eq(segment_drop(&slice), COUNT - 2);
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(slice_past_the_end_is_refused)
{
	struct segment segment = claim();
	struct snapshot before = snapshot_take();
	const struct segment untouched = {{1}, 2};
	struct segment out = untouched;

	ck_assert(!segment_slice(&segment, COUNT, 1, &out));
	ck_assert(!segment_slice(&segment, COUNT + 1, 0, &out));
	ck_assert(!segment_slice(&segment, 1, COUNT, &out));
	ck_assert(!segment_slice(&segment, 1, UINT64_MAX, &out));
	ck_assert_mem_eq(&out, &untouched, sizeof(out));
	snapshot_check(&before);
}
END_TEST

START_TEST(segment_comes_apart_into_frames)
{
	struct segment segment = claim();

	for (uint64_t i = 0; i < COUNT; i++) {
		frame_t frame = segment_pop(&segment);

		ck_assert_ptr_eq(frame.slot, slot_at(i));
		ck_assert_uint_eq(frame_references(frame), 1);
		ck_assert_uint_eq(segment.count, COUNT - 1 - i);
		frame_put(frame);
	}
	ck_assert_ptr_null(segment_pop(&segment).slot);
	ck_assert_uint_eq(count_free(), COUNT);
}
END_TEST

START_TEST(frames_come_together_into_a_segment)
{
	struct segment segment = claim();
	struct segment again = SEGMENT_NONE;
	const struct segment whole = segment;

	while (segment.count)
		ck_assert(segment_push(&again, segment_pop(&segment)));
	ck_assert_mem_eq(&again, &whole, sizeof(again));
}
END_TEST

START_TEST(frame_that_is_not_the_next_is_not_pushed)
{
	struct segment segment = claim();
	frame_t first = segment_pop(&segment);
	const struct segment before = segment;

	ck_assert(!segment_push(&segment, first));
	ck_assert_mem_eq(&segment, &before, sizeof(segment));
	ck_assert_uint_eq(frame_references(first), 1);
}
END_TEST

START_TEST(frame_past_the_end_is_none)
{
	struct segment segment = claim();

	ck_assert_ptr_eq(segment_frame(&segment, COUNT - 1).slot, slot_at(COUNT - 1));
	ck_assert_ptr_null(segment_frame(&segment, COUNT).slot);
}
END_TEST

START_TEST(raw_and_back_is_the_same_segment)
{
	struct segment segment = claim();
	const struct segment whole = segment;
	struct snapshot before = snapshot_take();
	uint64_t count;
	paddr_t raw = segment_into_raw(&segment, &count);

	ck_assert_uint_eq(raw.addr, some_unused_frame().addr);
	ck_assert_uint_eq(count, COUNT);
	ck_assert_uint_eq(segment.count, 0);
	segment = segment_from_raw(raw, count);
	ck_assert_mem_eq(&segment, &whole, sizeof(segment));
	snapshot_check(&before);
}
END_TEST

START_TEST(empty_segment_is_raw_and_back_empty)
{
	struct segment segment = SEGMENT_NONE;
	uint64_t count;
	paddr_t raw = segment_into_raw(&segment, &count);

	ck_assert_uint_eq(segment_from_raw(raw, count).count, 0);
}
END_TEST

/* Each of these must abort. */
START_TEST(claim_over_an_illegal_state_aborts)
{
	struct segment out;

	slot_at(MIDDLE)->state = slot_state(GENERATION, ILLEGAL_REFS);
	ck_assert_uint_ne(claim_at(some_unused_frame(), COUNT, &out), FRAME_OK);
}
END_TEST

START_TEST(second_drop_aborts)
{
	struct segment segment = claim();
	struct segment copy = segment;

	segment_drop(&segment);
	segment_drop(&copy);
}
END_TEST

START_TEST(drop_with_a_wild_vtable_aborts)
{
	struct segment segment = claim();

	slot_at(MIDDLE)->vtable_ptr = PAGE_SIZE;
	segment_drop(&segment);
}
END_TEST

START_TEST(drop_without_a_vtable_aborts)
{
	struct segment segment = claim();

	slot_at(0)->vtable_ptr = 0;
	segment_drop(&segment);
}
END_TEST

START_TEST(raw_segment_of_unused_frames_aborts)
{
	struct segment segment = claim();
	uint64_t count;
	paddr_t raw = segment_into_raw(&segment, &count);

	segment = segment_from_raw(raw, count + 1);
}
END_TEST

START_TEST(raw_segment_past_the_end_aborts)
{
	struct segment segment = segment_from_raw(paddr(SMALL_MACHINE_SIZE), 1);

	segment_drop(&segment);
}
END_TEST

Suite *segment_suite(void)
{
	Suite *suite = suite_create("segment");
	TCase *tcase = tcase_create("segment");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, claimed_frames_have_type_metadata_and_one_reference,
			claim_touches_its_own_slots_alone, without_fill_metadata_is_zero,
			claim_reaches_the_last_frame, claim_over_a_shared_frame_is_undone,
			claim_over_a_busy_frame_is_undone, claim_over_a_unique_frame_is_undone,
			claim_over_a_frame_of_the_host_is_undone,
			claim_works_after_one_that_was_undone, claim_that_loses_a_race_is_undone,
			nobody_gets_a_frame_before_all_are_taken, ranges_without_slots_are_refused,
			dropped_frames_go_to_the_allocator, dropping_an_empty_segment_does_nothing,
			frames_that_others_hold_stay, on_drop_runs_for_each_frame,
			split_parts_are_dropped_one_by_one, split_past_the_end_is_refused,
			neighbours_can_be_joined, others_than_neighbours_cannot_be_joined,
			slice_has_references_of_its_own, slice_past_the_end_is_refused,
			segment_comes_apart_into_frames, frames_come_together_into_a_segment,
			frame_that_is_not_the_next_is_not_pushed, frame_past_the_end_is_none,
			raw_and_back_is_the_same_segment, empty_segment_is_raw_and_back_empty);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, setup, machine_destroy, claim_over_an_illegal_state_aborts,
			      second_drop_aborts, drop_with_a_wild_vtable_aborts,
			      drop_without_a_vtable_aborts, raw_segment_of_unused_frames_aborts,
			      raw_segment_past_the_end_aborts);
	return suite;
}
