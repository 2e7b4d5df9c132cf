/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/early_alloc.h: which regions it picks, how it aligns, and that a refused request changes nothing.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/early_alloc.h"
#include "unit/fixture.h"

#define BORDER (4 * GIB) /* between the two zones */

static struct region_list partition;
static struct early_allocator early;

static void setup(void)
{
	memset(&partition, 0, sizeof(partition));
	memset(&early, 0, sizeof(early));
}

static void part(uint64_t start, uint64_t end, enum region_kind kind)
{
	partition.regions[partition.count++] = (struct region){start, end, kind};
}

/* A low region of 1 MiB at 16 MiB and a high one of 2 MiB at 5 GiB. */
#define LOW_START  (16 * MIB)
#define LOW_END    (17 * MIB)
#define HIGH_START (5 * GIB)
#define HIGH_END   (5 * GIB + 2 * MIB)

static void two_zones_setup(void)
{
	setup();
	part(LOW_START, LOW_END, REGION_USABLE);
	part(HIGH_START, HIGH_END, REGION_USABLE);
	ck_assert(early_alloc_init(&early, &partition));
}

static void assert_range(const struct early_range *range, uint64_t start, uint64_t end)
{
	ck_assert_uint_eq(range->start, start);
	ck_assert_uint_eq(range->next, start);
	ck_assert_uint_eq(range->end, end);
}

static void assert_refused(uint64_t size, uint64_t align, enum early_zone zone)
{
	const struct early_allocator before = early;
	const paddr_t untouched = paddr(LOW_START + 1);
	paddr_t out = untouched;

	ck_assert(!early_alloc(&early, size, align, zone, &out));
	ck_assert_mem_eq(&early, &before, sizeof(early));
	ck_assert_uint_eq(out.addr, untouched.addr);
}

static uint64_t must_alloc(uint64_t size, uint64_t align, enum early_zone zone)
{
	paddr_t out;

	ck_assert(early_alloc(&early, size, align, zone, &out));
	return out.addr;
}

START_TEST(picks_the_largest_region_of_each_zone)
{
	part(0, MIB, REGION_USABLE);
	part(MIB, 8 * MIB, REGION_RESERVED);
	part(8 * MIB, 12 * MIB, REGION_USABLE);
	part(16 * MIB, 17 * MIB, REGION_USABLE);
	part(BORDER, BORDER + MIB, REGION_USABLE);
	part(BORDER + 2 * MIB, BORDER + 5 * MIB, REGION_USABLE);
	part(BORDER + 5 * MIB, BORDER + 64 * MIB, REGION_HOLE);
	ck_assert(early_alloc_init(&early, &partition));
	assert_range(&early.low, 8 * MIB, 12 * MIB);
	assert_range(&early.high, BORDER + 2 * MIB, BORDER + 5 * MIB);
}
END_TEST

START_TEST(region_across_4_gib_is_split)
{
	part(BORDER - 2 * MIB, BORDER + MIB, REGION_USABLE);
	ck_assert(early_alloc_init(&early, &partition));
	assert_range(&early.low, BORDER - 2 * MIB, BORDER);
	assert_range(&early.high, BORDER, BORDER + MIB);
}
END_TEST

START_TEST(nothing_usable_leaves_both_zones_empty)
{
	part(0, MIB, REGION_RESERVED);
	part(BORDER, BORDER + MIB, REGION_HOLE);
	ck_assert(early_alloc_init(&early, &partition));
	assert_range(&early.low, 0, 0);
	assert_range(&early.high, 0, 0);
	assert_refused(PAGE_SIZE, PAGE_SIZE, EARLY_ANY);
}
END_TEST

START_TEST(low_zone_is_served_from_below_4_gib)
{
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW), LOW_START);
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW), LOW_START + PAGE_SIZE);
	assert_range(&early.high, HIGH_START, HIGH_END);
}
END_TEST

START_TEST(any_zone_prefers_high_memory)
{
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_ANY), HIGH_START);
	assert_range(&early.low, LOW_START, LOW_END);
}
END_TEST

START_TEST(any_zone_falls_back_to_low_memory)
{
	must_alloc(HIGH_END - HIGH_START, PAGE_SIZE, EARLY_ANY);
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_ANY), LOW_START);
}
END_TEST

START_TEST(size_is_rounded_up_to_whole_frames)
{
	must_alloc(1, PAGE_SIZE, EARLY_LOW);
	ck_assert_uint_eq(must_alloc(PAGE_SIZE + 1, PAGE_SIZE, EARLY_LOW), LOW_START + PAGE_SIZE);
	ck_assert_uint_eq(must_alloc(1, PAGE_SIZE, EARLY_LOW), LOW_START + 3 * PAGE_SIZE);
}
END_TEST

START_TEST(alignment_is_kept)
{
	const uint64_t align = 16 * PAGE_SIZE;

	must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW);
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, align, EARLY_LOW), LOW_START + align);
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW),
			  LOW_START + align + PAGE_SIZE);
}
END_TEST

START_TEST(whole_region_can_be_given_out)
{
	ck_assert_uint_eq(must_alloc(LOW_END - LOW_START, PAGE_SIZE, EARLY_LOW), LOW_START);
	assert_refused(1, PAGE_SIZE, EARLY_LOW);
}
END_TEST

START_TEST(request_that_is_too_large_changes_nothing)
{
	must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW);
	assert_refused(LOW_END - LOW_START, PAGE_SIZE, EARLY_LOW);
	assert_refused(HIGH_END - HIGH_START + 1, PAGE_SIZE, EARLY_ANY);
}
END_TEST

START_TEST(alignment_past_the_end_changes_nothing)
{
	must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW);
	assert_refused(PAGE_SIZE, 2 * MIB, EARLY_LOW);
	/* Rounding up wraps to zero here. */
	assert_refused(PAGE_SIZE, UINT64_C(1) << 63, EARLY_LOW);
}
END_TEST

START_TEST(size_zero_changes_nothing)
{
	assert_refused(0, PAGE_SIZE, EARLY_LOW);
	assert_refused(0, PAGE_SIZE, EARLY_ANY);
}
END_TEST

START_TEST(size_that_wraps_changes_nothing)
{
	assert_refused(UINT64_MAX, PAGE_SIZE, EARLY_ANY);
	assert_refused(UINT64_MAX - PAGE_SIZE + 2, PAGE_SIZE, EARLY_ANY);
	assert_refused(UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, EARLY_ANY);
}
END_TEST

START_TEST(retired_allocator_refuses)
{
	struct region_list list = {0};

	ck_assert(early_alloc_retire(&early, &list));
	assert_refused(PAGE_SIZE, PAGE_SIZE, EARLY_LOW);
	assert_refused(PAGE_SIZE, PAGE_SIZE, EARLY_ANY);
}
END_TEST

START_TEST(retire_lists_what_was_given_out)
{
	struct region_list list = {0};

	must_alloc(3 * PAGE_SIZE, PAGE_SIZE, EARLY_LOW);
	must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_ANY);
	ck_assert(early_alloc_retire(&early, &list));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.regions[0].start, LOW_START);
	ck_assert_uint_eq(list.regions[0].end, LOW_START + 3 * PAGE_SIZE);
	ck_assert_uint_eq(list.regions[1].start, HIGH_START);
	ck_assert_uint_eq(list.regions[1].end, HIGH_START + PAGE_SIZE);
	for (unsigned i = 0; i < list.count; i++)
		ck_assert_uint_eq(list.regions[i].kind, REGION_EARLY);
}
END_TEST

START_TEST(retire_of_an_unused_allocator_lists_nothing)
{
	struct region_list list = {0};

	ck_assert(early_alloc_retire(&early, &list));
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(retire_into_a_full_list_fails)
{
	static struct region_list list;

	memset(&list, 0, sizeof(list));
	for (uint64_t i = 0; i < REGION_PARTS_MAX - 3; i++)
		ck_assert(region_list_add(&list, 2 * i * PAGE_SIZE, PAGE_SIZE, REGION_KERNEL));
	must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW);
	ck_assert(!early_alloc_retire(&early, &list));
	ck_assert_uint_eq(list.count, REGION_PARTS_MAX - 3);
	/* It goes on as if nobody had tried. */
	ck_assert_uint_eq(must_alloc(PAGE_SIZE, PAGE_SIZE, EARLY_LOW), LOW_START + PAGE_SIZE);
}
END_TEST

Suite *early_alloc_suite(void)
{
	Suite *suite = suite_create("early_alloc");
	TCase *pick = tcase_create("pick");
	TCase *alloc = tcase_create("alloc");

	tcase_add_checked_fixture(pick, setup, NULL);
	TCASE_ADD_TESTS(pick, picks_the_largest_region_of_each_zone, region_across_4_gib_is_split,
			nothing_usable_leaves_both_zones_empty);
	suite_add_tcase(suite, pick);

	tcase_add_checked_fixture(alloc, two_zones_setup, NULL);
	TCASE_ADD_TESTS(alloc, low_zone_is_served_from_below_4_gib, any_zone_prefers_high_memory,
			any_zone_falls_back_to_low_memory, size_is_rounded_up_to_whole_frames,
			alignment_is_kept, whole_region_can_be_given_out,
			request_that_is_too_large_changes_nothing,
			alignment_past_the_end_changes_nothing, size_zero_changes_nothing,
			size_that_wraps_changes_nothing, retired_allocator_refuses,
			retire_lists_what_was_given_out,
			retire_of_an_unused_allocator_lists_nothing, retire_into_a_full_list_fails);
	suite_add_tcase(suite, alloc);
	return suite;
}
