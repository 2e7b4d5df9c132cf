/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/managed_ranges.h: sorted, joined, never overlapping, and of bounded size. */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/managed_ranges.h"
#include "unit/fixture.h"

#define LAST_FRAME ((UINT64_C(1) << 52) - 1) /* of 64-bit physical addresses */

#define RANDOM_FRAMES 300
#define RANDOM_STEPS  2000
#define RANDOM_SEED   UINT64_C(0x9e3779b97f4a7c15)

static struct managed_ranges managed;

static void setup(void)
{
	memset(&managed, 0, sizeof(managed));
}

static void add(uint64_t start, uint64_t end)
{
	ck_assert_int_eq(managed_ranges_check(&managed, start, end), FRAME_ADD_OK);
	ck_assert_int_eq(managed_ranges_add(&managed, start, end), FRAME_ADD_OK);
}

static void assert_refused(uint64_t start, uint64_t end, enum frame_add_error error)
{
	const struct managed_ranges before = managed;

	ck_assert_int_eq(managed_ranges_check(&managed, start, end), error);
	ck_assert_int_eq(managed_ranges_add(&managed, start, end), error);
	ck_assert_mem_eq(&managed, &before, sizeof(before));
}

static void assert_range(unsigned at, uint64_t start, uint64_t end)
{
	ck_assert_uint_lt(at, managed.count);
	ck_assert_uint_eq(managed.ranges[at].start, start);
	ck_assert_uint_eq(managed.ranges[at].end, end);
}

static bool holds(uint64_t frame)
{
	return managed_range_holds(managed_ranges_find(&managed, frame), frame);
}

START_TEST(empty_table_holds_nothing)
{
	ck_assert(!holds(0));
	ck_assert(!holds(LAST_FRAME));
	ck_assert(!holds(UINT64_MAX));
}
END_TEST

START_TEST(range_holds_its_frames_and_no_others)
{
	add(10, 20);
	add(30, 31);
	ck_assert(!holds(0));
	ck_assert(!holds(9));
	ck_assert(holds(10));
	ck_assert(holds(19));
	ck_assert(!holds(20));
	ck_assert(!holds(29));
	ck_assert(holds(30));
	ck_assert(!holds(31));
	ck_assert(!holds(UINT64_MAX));
}
END_TEST

START_TEST(empty_range_holds_nothing)
{
	const struct managed_range empty = {0, 0};

	ck_assert(!managed_range_holds(empty, 0));
	ck_assert(!managed_range_holds(empty, UINT64_MAX));
}
END_TEST

START_TEST(first_and_last_frame_there_can_be)
{
	add(0, 1);
	add(LAST_FRAME, LAST_FRAME + 1);
	ck_assert(holds(0));
	ck_assert(!holds(1));
	ck_assert(!holds(LAST_FRAME - 1));
	ck_assert(holds(LAST_FRAME));
	ck_assert(!holds(LAST_FRAME + 1));
}
END_TEST

START_TEST(ranges_are_sorted)
{
	add(30, 40);
	add(10, 20);
	add(50, 60);
	add(22, 28);
	ck_assert_uint_eq(managed.count, 4);
	assert_range(0, 10, 20);
	assert_range(1, 22, 28);
	assert_range(2, 30, 40);
	assert_range(3, 50, 60);
}
END_TEST

START_TEST(range_joins_the_one_before)
{
	add(10, 20);
	add(30, 40);
	add(20, 25);
	ck_assert_uint_eq(managed.count, 2);
	assert_range(0, 10, 25);
	assert_range(1, 30, 40);
}
END_TEST

START_TEST(range_joins_the_one_behind)
{
	add(10, 20);
	add(30, 40);
	add(25, 30);
	ck_assert_uint_eq(managed.count, 2);
	assert_range(0, 10, 20);
	assert_range(1, 25, 40);
}
END_TEST

START_TEST(range_joins_both)
{
	add(10, 20);
	add(30, 40);
	add(50, 60);
	add(20, 30);
	ck_assert_uint_eq(managed.count, 2);
	assert_range(0, 10, 40);
	assert_range(1, 50, 60);
}
END_TEST

START_TEST(overlap_is_refused)
{
	add(10, 20);
	add(30, 40);
	assert_refused(10, 20, FRAME_ADD_MANAGED);
	assert_refused(12, 18, FRAME_ADD_MANAGED);
	assert_refused(5, 11, FRAME_ADD_MANAGED);
	assert_refused(19, 25, FRAME_ADD_MANAGED);
	assert_refused(5, 45, FRAME_ADD_MANAGED);
	assert_refused(20, 31, FRAME_ADD_MANAGED);
	assert_refused(39, 40, FRAME_ADD_MANAGED);
}
END_TEST

static void fill(void)
{
	for (uint64_t i = 0; i < MANAGED_RANGES_MAX; i++)
		add(10 * i + 10, 10 * i + 12);
}

START_TEST(full_table_refuses_one_more_range)
{
	const uint64_t end = 10 * MANAGED_RANGES_MAX + 10;

	fill();
	assert_refused(5, 6, FRAME_ADD_FULL);
	assert_refused(15, 16, FRAME_ADD_FULL);
	assert_refused(end, end + 1, FRAME_ADD_FULL);
	assert_refused(11, 13, FRAME_ADD_MANAGED);
}
END_TEST

START_TEST(full_table_still_joins)
{
	fill();
	add(12, 13);
	add(19, 20);
	ck_assert_uint_eq(managed.count, MANAGED_RANGES_MAX);
	assert_range(0, 10, 13);
	assert_range(1, 19, 22);
	add(13, 19);
	ck_assert_uint_eq(managed.count, MANAGED_RANGES_MAX - 1);
	add(5, 6);
	ck_assert_uint_eq(managed.count, MANAGED_RANGES_MAX);
	assert_refused(7, 8, FRAME_ADD_FULL);
}
END_TEST

/* Compares with one flag for each frame. Bare comparisons: Check's assertions are slow. */
START_TEST(random_ranges_agree_with_a_plain_array)
{
	static bool is_managed[RANDOM_FRAMES];
	uint64_t seed = RANDOM_SEED;

	for (unsigned step = 0; step < RANDOM_STEPS; step++) {
		uint64_t start = random_next(&seed) % RANDOM_FRAMES;
		uint64_t end = start + 1 + random_next(&seed) % 3;
		bool overlaps = false;

		if (step % (RANDOM_STEPS / 8) == 0) {
			setup();
			memset(is_managed, 0, sizeof(is_managed));
		}
		if (end > RANDOM_FRAMES)
			continue;
		for (uint64_t i = start; i < end; i++)
			overlaps |= is_managed[i];
		ck_assert_int_eq(managed_ranges_add(&managed, start, end),
				 overlaps ? FRAME_ADD_MANAGED : FRAME_ADD_OK);
		for (uint64_t i = start; i < end; i++)
			is_managed[i] |= !overlaps;
		for (uint64_t i = 0; i < RANDOM_FRAMES; i++)
			if (holds(i) != is_managed[i])
				ck_abort_msg("frame %lu in step %u", (unsigned long)i, step);
		for (unsigned i = 1; i < managed.count; i++)
			ck_assert_uint_lt(managed.ranges[i - 1].end, managed.ranges[i].start);
	}
}
END_TEST

Suite *managed_ranges_suite(void)
{
	Suite *suite = suite_create("managed_ranges");
	TCase *tcase = tcase_create("managed_ranges");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, empty_table_holds_nothing, range_holds_its_frames_and_no_others,
			empty_range_holds_nothing, first_and_last_frame_there_can_be,
			ranges_are_sorted, range_joins_the_one_before, range_joins_the_one_behind,
			range_joins_both, overlap_is_refused, full_table_refuses_one_more_range,
			full_table_still_joins, random_ranges_agree_with_a_plain_array);
	suite_add_tcase(suite, tcase);
	return suite;
}
