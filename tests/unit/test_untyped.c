/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/untyped.h: bytes are copied in and out within the frame, typed frames refuse, and an outside writer
 * tears no word.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "pagemeta/unique.h"
#include "pagemeta/untyped.h"
#include "unit/fixture.h"

#define EDGE   24 /* offsets and lengths around words and the ends of a page */
#define FRAMES 3
#define SMALL  64
#define TURNS  100000

static const struct stamp_meta stamp = {.a = 1};

static uint8_t model[FRAMES * PAGE_SIZE];
static uint8_t buffer[FRAMES * PAGE_SIZE];

static frame_t frame;
static uint8_t *bytes; /* of that frame */

static void setup(void)
{
	small_allocator_setup();
	frame = frame_alloc(stamp, &stamp);
	ck_assert_ptr_nonnull(frame.slot);
	bytes = platform_phys_to_virt(frame_paddr(frame));
	for (size_t i = 0; i < sizeof(model); i++)
		model[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(bytes, model, PAGE_SIZE);
	memset(buffer, 0xee, sizeof(buffer));
}

/* Near the start for small numbers, near the end of the page for large ones. */
static uint64_t offset_of(uint64_t i)
{
	return i < EDGE ? i : PAGE_SIZE - 2 * EDGE + i;
}

START_TEST(any_range_is_read)
{
	for (uint64_t i = 0; i <= 2 * EDGE; i++)
		for (uint64_t length = 0; length <= EDGE; length++) {
			uint64_t offset = offset_of(i);

			if (offset + length > PAGE_SIZE)
				continue;
			memset(buffer, 0xee, SMALL);
			ck_assert_uint_eq(
				untyped_read(frame_borrow(frame), offset, buffer + 1, length),
				UNTYPED_OK);
			ck_assert_mem_eq(buffer + 1, model + offset, length);
			ck_assert_uint_eq(buffer[0], 0xee);
			ck_assert_uint_eq(buffer[1 + length], 0xee);
		}
}
END_TEST

START_TEST(any_range_is_written_and_nothing_else)
{
	for (uint64_t i = 0; i <= 2 * EDGE; i++)
		for (uint64_t length = 0; length <= EDGE; length++) {
			uint64_t offset = offset_of(i);

			if (offset + length > PAGE_SIZE)
				continue;
			memset(buffer, (int)(length + i), SMALL);
			memcpy(model + offset, buffer + 1, length);
			ck_assert_uint_eq(
				untyped_write(frame_borrow(frame), offset, buffer + 1, length),
				UNTYPED_OK);
			ck_assert_int_eq(memcmp(bytes, model, PAGE_SIZE), 0);
		}
}
END_TEST

START_TEST(any_range_is_filled_and_nothing_else)
{
	for (uint64_t i = 0; i <= 2 * EDGE; i++)
		for (uint64_t length = 0; length <= EDGE; length++) {
			uint64_t offset = offset_of(i);

			if (offset + length > PAGE_SIZE)
				continue;
			memset(model + offset, (int)(length + i), length);
			ck_assert_uint_eq(untyped_fill(frame_borrow(frame), offset,
						       (uint8_t)(length + i), length),
					  UNTYPED_OK);
			ck_assert_int_eq(memcmp(bytes, model, PAGE_SIZE), 0);
		}
}
END_TEST

START_TEST(whole_frame_is_read_and_written)
{
	ck_assert_uint_eq(untyped_read(frame_borrow(frame), 0, buffer, PAGE_SIZE), UNTYPED_OK);
	ck_assert_int_eq(memcmp(buffer, model, PAGE_SIZE), 0);
	ck_assert_uint_eq(untyped_write(frame_borrow(frame), 0, model + PAGE_SIZE, PAGE_SIZE),
			  UNTYPED_OK);
	ck_assert_int_eq(memcmp(bytes, model + PAGE_SIZE, PAGE_SIZE), 0);
}
END_TEST

START_TEST(slots_do_not_change)
{
	struct snapshot before = snapshot_take();

	ck_assert_uint_eq(untyped_write(frame_borrow(frame), 1, model, SMALL), UNTYPED_OK);
	ck_assert_uint_eq(untyped_read(frame_borrow(frame), 1, buffer, SMALL), UNTYPED_OK);
	snapshot_check(&before);
}
END_TEST

START_TEST(unique_frame_can_be_written)
{
	unique_frame_t owner;

	ck_assert(unique_from_shared(frame, &owner));
	ck_assert_uint_eq(untyped_write(unique_borrow(owner), 0, model + 1, SMALL), UNTYPED_OK);
	ck_assert_mem_eq(bytes, model + 1, SMALL);
}
END_TEST

START_TEST(range_past_the_end_is_refused_whole)
{
	static const struct {
		uint64_t offset;
		uint64_t length;
	} ranges[] = {
		{0, PAGE_SIZE + 1},       {PAGE_SIZE - 1, 2},  {PAGE_SIZE, 1},
		{PAGE_SIZE + 1, 0},       {UINT64_MAX, 1},     {1, UINT64_MAX},
		{UINT64_MAX, UINT64_MAX}, {8, UINT64_MAX - 7},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t offset = ranges[i].offset;
		uint64_t length = ranges[i].length;

		ck_assert_uint_eq(untyped_read(frame_borrow(frame), offset, buffer, length),
				  UNTYPED_OUT_OF_RANGE);
		ck_assert_uint_eq(untyped_write(frame_borrow(frame), offset, buffer, length),
				  UNTYPED_OUT_OF_RANGE);
		ck_assert_uint_eq(untyped_fill(frame_borrow(frame), offset, 1, length),
				  UNTYPED_OUT_OF_RANGE);
	}
	ck_assert_uint_eq(buffer[0], 0xee);
	ck_assert_int_eq(memcmp(bytes, model, PAGE_SIZE), 0);
}
END_TEST

START_TEST(typed_frames_refuse)
{
	frame_t typed = node_alloc(1, FRAME_NONE, FRAME_NONE);
	uint8_t *typed_bytes = platform_phys_to_virt(frame_paddr(typed));

	memcpy(typed_bytes, model, PAGE_SIZE);
	ck_assert_uint_eq(untyped_read(frame_borrow(typed), 0, buffer, 1), UNTYPED_IS_TYPED);
	ck_assert_uint_eq(untyped_write(frame_borrow(typed), 0, buffer, 1), UNTYPED_IS_TYPED);
	ck_assert_uint_eq(untyped_fill(frame_borrow(typed), 0, 1, 1), UNTYPED_IS_TYPED);
	ck_assert_uint_eq(buffer[0], 0xee);
	ck_assert_int_eq(memcmp(typed_bytes, model, PAGE_SIZE), 0);
}
END_TEST

START_TEST(segment_is_read_and_written_across_frames)
{
	struct segment segment;

	ck_assert(segment_alloc(stamp, FRAMES, 1, NULL, NULL, &segment));
	ck_assert_uint_eq(untyped_segment_write(&segment, 0, model, sizeof(model)), UNTYPED_OK);
	ck_assert_uint_eq(untyped_segment_read(&segment, PAGE_SIZE - 3, buffer, PAGE_SIZE + 5),
			  UNTYPED_OK);
	ck_assert_int_eq(memcmp(buffer, model + PAGE_SIZE - 3, PAGE_SIZE + 5), 0);
	ck_assert_uint_eq(buffer[PAGE_SIZE + 5], 0xee);
}
END_TEST

START_TEST(segment_refuses_what_is_not_all_in_it)
{
	struct segment segment;
	struct segment empty = SEGMENT_NONE;

	ck_assert(segment_alloc(stamp, FRAMES, 1, NULL, NULL, &segment));
	ck_assert_uint_eq(untyped_segment_write(&segment, 0, model, sizeof(model)), UNTYPED_OK);
	ck_assert_uint_eq(untyped_segment_write(&segment, 1, buffer, sizeof(model)),
			  UNTYPED_OUT_OF_RANGE);
	ck_assert_uint_eq(untyped_segment_read(&segment, UINT64_MAX, buffer, 2),
			  UNTYPED_OUT_OF_RANGE);
	ck_assert_uint_eq(untyped_segment_read(&empty, 0, buffer, 1), UNTYPED_OUT_OF_RANGE);
	ck_assert_uint_eq(untyped_segment_read(&empty, 0, buffer, 0), UNTYPED_OK);
	ck_assert_uint_eq(buffer[0], 0xee);
	ck_assert_int_eq(
		memcmp(platform_phys_to_virt(segment_start(&segment)), model, sizeof(model)), 0);
}
END_TEST

START_TEST(segment_with_a_typed_frame_refuses)
{
	struct segment segment;

	ck_assert(segment_alloc(stamp, FRAMES, 1, NULL, NULL, &segment));
	pfn_to_meta(segment.first)[FRAMES - 1].vtable_ptr = (uintptr_t)&meta_type_node;
	ck_assert_uint_eq(untyped_segment_write(&segment, 0, model, 1), UNTYPED_IS_TYPED);
	ck_assert_uint_eq(untyped_segment_read(&segment, 0, buffer, 1), UNTYPED_IS_TYPED);
	ck_assert_uint_eq(buffer[0], 0xee);
}
END_TEST

/* Writes the first words of the frame over and over, all with the same value. */
static void *write_from_outside(void *unused)
{
	uint8_t value[SMALL];

	for (unsigned turn = 0; turn < TURNS; turn++) {
		memset(value, (int)turn, sizeof(value));
		if (untyped_write(frame_borrow(frame), 0, value, sizeof(value)) != UNTYPED_OK)
			break;
	}
	return unused;
}

/* Each word that is read comes from one write. ThreadSanitizer checks for data races, too. */
START_TEST(concurrent_access_tears_no_word)
{
	pthread_t writer;
	uint64_t words[SMALL / sizeof(uint64_t)];
	unsigned torn = 0;

	ck_assert_uint_eq(untyped_fill(frame_borrow(frame), 0, 0, SMALL), UNTYPED_OK);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_from_outside, NULL), 0);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		torn += untyped_read(frame_borrow(frame), 0, words, sizeof(words)) != UNTYPED_OK;
		for (size_t i = 0; i < SMALL / sizeof(uint64_t); i++)
			torn += words[i] != (words[i] & 0xff) * UINT64_C(0x0101010101010101);
	}
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_uint_eq(torn, 0);
}
END_TEST

Suite *untyped_suite(void)
{
	Suite *suite = suite_create("untyped");
	TCase *tcase = tcase_create("untyped");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, any_range_is_read, any_range_is_written_and_nothing_else,
			any_range_is_filled_and_nothing_else, whole_frame_is_read_and_written,
			slots_do_not_change, unique_frame_can_be_written,
			range_past_the_end_is_refused_whole, typed_frames_refuse,
			segment_is_read_and_written_across_frames,
			segment_refuses_what_is_not_all_in_it, segment_with_a_typed_frame_refuses,
			concurrent_access_tears_no_word);
	suite_add_tcase(suite, tcase);
	return suite;
}
