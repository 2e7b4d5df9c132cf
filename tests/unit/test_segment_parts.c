/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of segments as values (pagemeta/segment.h): empty ones, those made from frames, and handles of segments whose
 * frames are all of one type. What a claim does to the slots is in test_segment.c.
 */
#include "unit/suites.h"

#include "pagemeta/unique.h"
#include "pagemeta/untyped.h"
#include "unit/fixture.h"

#define COUNT  UINT64_C(9)
#define MIDDLE UINT64_C(4)

SEGMENT_HANDLE(stamp);
SEGMENT_HANDLE(node);

/* Padding in the middle of a word, between words and at the end. */
struct holes_meta {
	uint8_t a;
	uint32_t b;
	uint8_t c;
	uint64_t d;
	uint8_t e;
};
META_TYPE(holes);

static const struct segment untouched = {{1}, 2};

static void fill_stamp(void *context, uint64_t index, struct stamp_meta *meta)
{
	(void)context;
	meta->a = index;
}

/* Overwrites the padding as well, as an assignment of a whole struct may do. */
static void fill_holes(void *context, uint64_t index, struct holes_meta *meta)
{
	(void)context;
	__builtin_memset(meta, 0xee, sizeof(*meta));
	meta->d = index;
}

static struct segment alloc(void)
{
	struct segment segment = SEGMENT_NONE;

	ck_assert(segment_alloc(stamp, COUNT, 1, fill_stamp, NULL, &segment));
	return segment;
}

static void assert_same(const struct segment *segment, const struct segment *expected)
{
	ck_assert_uint_eq(segment->first.index, expected->first.index);
	ck_assert_uint_eq(segment->count, expected->count);
}

#define assert_empty(segment) assert_same((segment), &SEGMENT_NONE)

START_TEST(end_is_the_first_address_after_it)
{
	struct segment segment = alloc();

	ck_assert_uint_eq(segment_end(&segment).addr,
			  segment_start(&segment).addr + COUNT * PAGE_SIZE);
	ck_assert_uint_eq(segment_end(&SEGMENT_NONE).addr, segment_start(&SEGMENT_NONE).addr);
}
END_TEST

START_TEST(no_frames_are_claimed_anywhere)
{
	const uint64_t starts[] = {0, PAGE_SIZE, SMALL_MACHINE_SIZE / 2, SMALL_MACHINE_SIZE};
	struct snapshot before = snapshot_take();

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct segment out = untouched;

		ck_assert_uint_eq(segment_claim(stamp, paddr(starts[i]), 0, fill_stamp, NULL, &out),
				  FRAME_OK);
		assert_empty(&out);
	}
	snapshot_check(&before);
}
END_TEST

START_TEST(no_frames_are_allocated_without_memory)
{
	struct segment out = untouched;

	frame_alloc_init(&(struct region_list){0});

	struct snapshot before = snapshot_take();

	ck_assert(segment_alloc(stamp, 0, 1, fill_stamp, NULL, &out));
	assert_empty(&out);
	out = untouched;
	ck_assert(segment_alloc_zeroed(stamp, 0, 1, fill_stamp, NULL, &out));
	assert_empty(&out);
	snapshot_check(&before);
}
END_TEST

START_TEST(slice_of_no_frames_is_empty_at_any_position)
{
	struct segment segment = alloc();
	struct snapshot before = snapshot_take();
	struct segment slice;

	for (uint64_t at = 0; at <= COUNT; at++) {
		slice = untouched;
		ck_assert(segment_slice(&segment, at, 0, &slice));
		assert_empty(&slice);
	}
	slice = untouched;
	ck_assert(segment_slice(&SEGMENT_NONE, 0, 0, &slice));
	assert_empty(&slice);
	slice = untouched;
	ck_assert(!segment_slice(&segment, COUNT + 1, 0, &slice));
	ck_assert(!segment_slice(&SEGMENT_NONE, 0, 1, &slice));
	assert_same(&slice, &untouched);
	snapshot_check(&before);
}
END_TEST

START_TEST(split_at_the_ends_leaves_an_empty_part)
{
	struct segment segment = alloc();
	const struct segment whole = segment;
	struct segment tail = untouched;

	ck_assert(segment_split(&segment, COUNT, &tail));
	assert_same(&segment, &whole);
	assert_empty(&tail);
	tail = untouched;
	ck_assert(segment_split(&segment, 0, &tail));
	assert_empty(&segment);
	assert_same(&tail, &whole);
	ck_assert(segment_split(&segment, 0, &segment));
	assert_empty(&segment);
}
END_TEST

START_TEST(empty_segment_joins_any_other)
{
	struct segment segment = alloc();
	const struct segment whole = segment;
	struct segment empty = SEGMENT_NONE;

	ck_assert(segment_join(&segment, &empty));
	assert_same(&segment, &whole);
	assert_empty(&empty);
	ck_assert(segment_join(&empty, &segment));
	assert_same(&empty, &whole);
	assert_empty(&segment);
	ck_assert(segment_join(&segment, &SEGMENT_NONE));
	assert_empty(&segment);
}
END_TEST

START_TEST(empty_segment_has_nothing_to_visit)
{
	unsigned visited = 0;

	segment_for_each (frame, &SEGMENT_NONE)
		visited += frame.slot != NULL;
	ck_assert_uint_eq(visited, 0);
	ck_assert_uint_eq(segment_bytes(&SEGMENT_NONE), 0);
	ck_assert_ptr_null(segment_frame(&SEGMENT_NONE, 0).slot);
	ck_assert_uint_eq(untyped_segment_read(&SEGMENT_NONE, 0, NULL, 0), UNTYPED_OK);
	ck_assert_uint_eq(untyped_segment_read(&SEGMENT_NONE, 1, NULL, 0), UNTYPED_OUT_OF_RANGE);
	ck_assert_uint_eq(untyped_segment_write(&SEGMENT_NONE, 0, NULL, 0), UNTYPED_OK);
}
END_TEST

START_TEST(no_frame_is_not_pushed)
{
	struct segment segment = SEGMENT_NONE;

	ck_assert(!segment_push(&segment, FRAME_NONE));
	assert_empty(&segment);
	segment = alloc();

	const struct segment whole = segment;

	ck_assert(!segment_push(&segment, FRAME_NONE));
	assert_same(&segment, &whole);
}
END_TEST

START_TEST(segment_is_made_from_frames)
{
	struct segment segment = alloc();
	const struct segment whole = segment;
	struct segment again = untouched;
	frame_t frames[COUNT];

	for (uint64_t i = 0; i < COUNT; i++)
		frames[i] = segment_pop(&segment);

	struct snapshot before = snapshot_take();

	ck_assert(segment_from_frames(frames, COUNT, &again));
	assert_same(&again, &whole);
	snapshot_check(&before);
	ck_assert(segment_from_frames(frames, 0, &again));
	assert_empty(&again);
}
END_TEST

START_TEST(frames_apart_make_no_segment)
{
	struct segment segment = alloc();
	struct segment out = untouched;
	frame_t frames[COUNT];

	for (uint64_t i = 0; i < COUNT; i++)
		frames[i] = segment_pop(&segment);

	struct snapshot before = snapshot_take();
	const frame_t last = frames[COUNT - 1];

	frames[COUNT - 1] = frames[0];
	ck_assert(!segment_from_frames(frames, COUNT, &out));
	frames[COUNT - 1] = FRAME_NONE;
	ck_assert(!segment_from_frames(frames, COUNT, &out));
	ck_assert(!segment_from_frames(&FRAME_NONE, 1, &out));
	frames[COUNT - 1] = last;
	frames[0] = FRAME_NONE;
	ck_assert(!segment_from_frames(frames, COUNT, &out));
	assert_same(&out, &untouched);
	snapshot_check(&before);
}
END_TEST

START_TEST(handle_has_the_metadata_of_each_frame)
{
	struct segment segment = alloc();
	const struct segment whole = segment;
	stamp_segment_t handle;

	ck_assert(stamp_segment_from(&segment, &handle));
	assert_empty(&segment);
	assert_same(&handle.any, &whole);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct stamp_meta *meta = stamp_segment_meta(&handle, i);

		ck_assert_ptr_eq(meta, pfn_to_meta(whole.first)[i].storage);
		ck_assert_uint_eq(meta->a, i);
	}
	ck_assert_ptr_null(stamp_segment_meta(&handle, COUNT));
	ck_assert_ptr_null(stamp_segment_meta(&handle, UINT64_MAX));
	segment = stamp_segment_into(&handle);
	assert_same(&segment, &whole);
	assert_empty(&handle.any);
}
END_TEST

START_TEST(one_frame_of_another_type_makes_no_handle)
{
	struct segment segment = alloc();
	struct segment head;
	const struct node_meta node = {.id = 1};
	unique_frame_t frame;
	struct segment tail;

	/* The frame in the middle gets another type. */
	ck_assert(segment_split(&segment, MIDDLE, &tail));
	head = segment;
	ck_assert(unique_from_shared(segment_pop(&tail), &frame));
	unique_replace(frame, node, &node);
	ck_assert(segment_push(&head, unique_share(frame)));
	ck_assert(segment_join(&head, &tail));
	segment = head;

	const struct segment whole = segment;
	struct snapshot before = snapshot_take();
	stamp_segment_t stamps = {untouched};
	node_segment_t nodes = {untouched};

	ck_assert(!stamp_segment_from(&segment, &stamps));
	ck_assert(!node_segment_from(&segment, &nodes));
	assert_same(&segment, &whole);
	assert_same(&stamps.any, &untouched);
	assert_same(&nodes.any, &untouched);
	snapshot_check(&before);
}
END_TEST

START_TEST(empty_segment_is_of_every_type)
{
	struct segment segment = SEGMENT_NONE;
	node_segment_t handle;

	ck_assert(node_segment_from(&segment, &handle));
	assert_empty(&handle.any);
	ck_assert_ptr_null(node_segment_meta(&handle, 0));
	ck_assert_uint_eq(node_segment_drop(&handle), 0);
}
END_TEST

START_TEST(handle_is_sliced_and_dropped)
{
	uint64_t free_before = count_free();
	struct segment segment = alloc();
	stamp_segment_t handle;
	stamp_segment_t slice;

	ck_assert(stamp_segment_from(&segment, &handle));
	ck_assert(stamp_segment_slice(&handle, 1, COUNT - 2, &slice));
	ck_assert_uint_eq(stamp_segment_meta(&slice, 0)->a, 1);
	ck_assert(!stamp_segment_slice(&handle, 1, COUNT, &slice));
	ck_assert_uint_eq(stamp_segment_drop(&handle), 2);
	ck_assert_uint_eq(stamp_segment_drop(&slice), COUNT - 2);
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

/* The slots are full of what earlier owners left. */
static void soil(void)
{
	for (struct meta_slot *slot = frame_to_meta(some_unused_frame());
	     slot < frame_to_meta(paddr(SMALL_MACHINE_SIZE - PAGE_SIZE)) + 1; slot++)
		__builtin_memset(slot->storage, 0xdd, sizeof(slot->storage));
}

/* Compares bytes, not members: what fill_holes left, with zero in every hole. */
static void assert_no_garbage(const uint64_t *storage, uint64_t index)
{
	static union {
		struct holes_meta meta;
		uint8_t bytes[sizeof(struct holes_meta)];
	} expected;

	expected.meta.a = expected.meta.c = expected.meta.e = 0xee;
	expected.meta.b = 0xeeeeeeee;
	expected.meta.d = index;
	ck_assert_mem_eq(storage, expected.bytes, sizeof(expected.bytes));
}

START_TEST(filled_padding_is_zero_in_the_slots)
{
	struct segment segment;

	frame_alloc_init(&(struct region_list){0});
	soil();
	ck_assert_uint_eq(
		segment_claim(holes, some_unused_frame(), COUNT, fill_holes, NULL, &segment),
		FRAME_OK);
	for (uint64_t i = 0; i < COUNT; i++)
		assert_no_garbage(pfn_to_meta(segment.first)[i].storage, i);
}
END_TEST

START_TEST(changed_and_replaced_padding_is_zero_in_the_slot)
{
	unique_frame_t frame;
	struct holes_meta meta;

	frame_alloc_init(&(struct region_list){0});
	soil();
	fill_holes(NULL, 1, &meta);
	ck_assert_uint_eq(unique_claim(holes, some_unused_frame(), &meta, &frame), FRAME_OK);
	assert_no_garbage(frame.slot->storage, 1);
	fill_holes(NULL, 2, &meta);
	unique_change(frame, holes, &meta);
	assert_no_garbage(frame.slot->storage, 2);
	fill_holes(NULL, 3, &meta);
	unique_replace(frame, holes, &meta);
	assert_no_garbage(frame.slot->storage, 3);
}
END_TEST

START_TEST(no_frame_aborts_as_untyped)
{
	uint8_t byte;

	ck_assert_uint_eq(untyped_read(FRAME_BORROW_NONE, 0, &byte, 1), UNTYPED_IS_TYPED);
}
END_TEST

START_TEST(no_frame_aborts_as_untyped_to_write)
{
	ck_assert_uint_eq(untyped_fill(FRAME_BORROW_NONE, 0, 0, 1), UNTYPED_IS_TYPED);
}
END_TEST

Suite *segment_parts_suite(void)
{
	Suite *suite = suite_create("segment_parts");
	TCase *tcase = tcase_create("segment_parts");

	tcase_add_checked_fixture(tcase, small_allocator_setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, end_is_the_first_address_after_it, no_frames_are_claimed_anywhere,
			no_frames_are_allocated_without_memory,
			slice_of_no_frames_is_empty_at_any_position,
			split_at_the_ends_leaves_an_empty_part, empty_segment_joins_any_other,
			empty_segment_has_nothing_to_visit, no_frame_is_not_pushed,
			segment_is_made_from_frames, frames_apart_make_no_segment,
			handle_has_the_metadata_of_each_frame,
			one_frame_of_another_type_makes_no_handle, empty_segment_is_of_every_type,
			handle_is_sliced_and_dropped, filled_padding_is_zero_in_the_slots,
			changed_and_replaced_padding_is_zero_in_the_slot);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, small_allocator_setup, machine_destroy,
			      no_frame_aborts_as_untyped, no_frame_aborts_as_untyped_to_write);
	return suite;
}
