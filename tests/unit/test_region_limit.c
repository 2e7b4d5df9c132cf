/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of region_list_limit: maps of any length, compared page by page with a model that never drops anything. What
 * does not fit may be lost, but no page becomes usable or reclaimable that was not.
 */
#include "unit/suites.h"

#include <inttypes.h>
#include <string.h>

#include "pagemeta/region.h"
#include "unit/fixture.h"

#define PAGES  20000 /* of the machine; a multiple of no region's length */
#define LENGTH 40    /* pages of a random region, at most */
#define SEEDS  8

static struct region_list list;
static struct region_list partition;
static enum region_kind model[PAGES];

static void setup(void)
{
	memset(&list, 0, sizeof(list));
	memset(model, 0, sizeof(model));
}

/* Adds pages [first, first + count) to the list and the model. */
static void add(uint64_t first, uint64_t count, enum region_kind kind)
{
	ck_assert(region_list_add(&list, first * PAGE_SIZE, count * PAGE_SIZE, kind));
	for (uint64_t page = first; page < first + count && page < PAGES; page++)
		if (kind > model[page])
			model[page] = kind;
}

static uint64_t count_allocatable_in_model(void)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < PAGES; i++)
		pages += region_kind_is_allocatable(model[i]);
	return pages;
}

/*
 * Compares the partition of the list with the model. Returns how many allocatable pages were lost. Fails if a page
 * became usable or reclaimable, or if memory that is not free became a hole.
 */
static uint64_t compare(void)
{
	uint64_t left = 0;

	ck_assert(region_partition(&list, PAGES * PAGE_SIZE, &partition));
	for (unsigned i = 0; i < partition.count; i++) {
		const struct region *part = &partition.regions[i];

		for (uint64_t page = part->start / PAGE_SIZE; page < part->end / PAGE_SIZE;
		     page++) {
			enum region_kind was = model[page];

			if (region_kind_is_allocatable(part->kind) ? part->kind != was
			    : part->kind == REGION_HOLE            ? was > REGION_USABLE
							: was >= REGION_KERNEL && part->kind != was)
				ck_abort_msg("page %#" PRIx64 " was %s and is %s", page,
					     region_kind_name(was), region_kind_name(part->kind));
			left += region_kind_is_allocatable(part->kind);
		}
	}
	return count_allocatable_in_model() - left;
}

static void assert_partition_is_the_model(void)
{
	ck_assert(region_partition(&list, PAGES * PAGE_SIZE, &partition));
	for (unsigned i = 0; i < partition.count; i++) {
		const struct region *part = &partition.regions[i];

		for (uint64_t page = part->start / PAGE_SIZE; page < part->end / PAGE_SIZE; page++)
			ck_assert_uint_eq(part->kind, model[page]);
	}
}

/* Regions of all kinds, in any order, that overlap. */
static void add_random(unsigned count, uint64_t seed)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t first = random_next(&seed) % (PAGES - LENGTH);
		uint64_t length = 1 + random_next(&seed) % LENGTH;
		uint64_t kind = REGION_USABLE +
				random_next(&seed) % (REGION_MODULE - REGION_USABLE + 1);

		/* Half of it usable, as in real maps. */
		add(first, length, random_next(&seed) % 2 ? REGION_USABLE : (enum region_kind)kind);
	}
}

static const unsigned counts[] = {126, 127, 512, 1024, 2000, 3000};

START_TEST(random_map_loses_what_is_counted_and_nothing_else)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		setup();
		add_random(counts[_i], seed);
		region_list_limit(&list, 1024);
		ck_assert_uint_le(list.count, 1024);
		if (counts[_i] <= 1024) {
			ck_assert_uint_eq(list.dropped, 0);
			assert_partition_is_the_model();
		}

		uint64_t lost = compare();

		/* Exact as long as the list had room for all regions at once. */
		if (counts[_i] <= REGION_PARTS_MAX)
			ck_assert_uint_eq(list.dropped_bytes, lost * PAGE_SIZE);
	}
}
END_TEST

/* A hard limit, so that neither all usable nor all other regions stay. */
START_TEST(random_map_is_cut_to_any_length)
{
	static const unsigned limits[] = {100, 50, 10, 3, 1, 0};

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		setup();
		add_random(counts[_i], seed);
		for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
			region_list_limit(&list, limits[i]);
			/* The last region that is not usable has no neighbour to become one with. */
			ck_assert_uint_le(list.count, limits[i] ? limits[i] : 1);

			uint64_t lost = compare();

			if (counts[_i] <= REGION_PARTS_MAX)
				ck_assert_uint_eq(list.dropped_bytes, lost * PAGE_SIZE);
		}
	}
}
END_TEST

START_TEST(short_list_is_left_alone)
{
	static struct region_list before;

	add_random(100, 1);
	before = list;
	region_list_limit(&list, 100);
	ck_assert_mem_eq(&list, &before, sizeof(list));
}
END_TEST

/* Nothing is dropped that can be joined or is covered. */
START_TEST(what_can_be_joined_is_not_dropped)
{
	for (unsigned i = 0; i < 3000; i++)
		add(i * 7 % 3000, 1, REGION_USABLE); /* each touches two others */
	for (unsigned i = 0; i < 3000; i++)
		add(5000, 100, REGION_RESERVED);
	for (unsigned i = 0; i < 1000; i++)
		add(5000 + i % 100, 1, REGION_USABLE);
	region_list_limit(&list, 2);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.dropped, 0);
	assert_partition_is_the_model();
}
END_TEST

START_TEST(smallest_usable_regions_are_dropped)
{
	/* 3000 regions that do not touch: 1, 2, 3 or 4 pages. */
	for (unsigned i = 0; i < 3000; i++)
		add(6 * i, 1 + i % 4, REGION_USABLE);
	region_list_limit(&list, 1024);
	ck_assert_uint_eq(list.count, 1024);
	ck_assert_uint_eq(list.dropped, 3000 - 1024);
	/* All of one page, all of two, and some of three. */
	ck_assert_uint_eq(list.dropped_bytes,
			  (750 + 750 * 2 + (3000 - 1024 - 1500) * 3) * PAGE_SIZE);
	ck_assert_uint_eq(compare() * PAGE_SIZE, list.dropped_bytes);
}
END_TEST

/* Of many small reserved regions in a large usable one, those that lie close together grow into one. */
START_TEST(reserved_regions_never_expose_usable_memory)
{
	add(0, PAGES, REGION_USABLE);
	for (unsigned i = 0; i < 1500; i++)
		add(13 * i + (i % 2 ? 0 : 10), 1,
		    REGION_RESERVED); /* by turns 2 and 22 pages lie between */
	region_list_limit(&list, 1024);
	ck_assert_uint_eq(list.count, 1024);
	ck_assert_uint_eq(list.dropped, 1501 - 1024);
	ck_assert_uint_eq(list.dropped_bytes, (1501 - 1024) * 2 * PAGE_SIZE);
	ck_assert_uint_eq(compare() * PAGE_SIZE, list.dropped_bytes);
}
END_TEST

/* What has no usable memory in between costs nothing to make one: all usable memory stays. */
START_TEST(borders_outside_of_usable_memory_go_first)
{
	for (unsigned i = 0; i < 1000; i++) {
		add(10000 + 3 * i, 1, i % 2 ? REGION_RESERVED : REGION_ACPI_NVS);
		add(4 * i, 2, REGION_USABLE);
	}
	region_list_limit(&list, 1024);
	ck_assert_uint_eq(list.count, 1024);
	ck_assert_uint_eq(list.dropped, 2000 - 1024);
	ck_assert_uint_eq(list.dropped_bytes, 0);
	ck_assert_uint_eq(compare(), 0);
}
END_TEST

/* Memory between two reclaimable regions may be no RAM: together they are never reclaimed. */
START_TEST(reclaimable_regions_become_reserved_together)
{
	add(0, 100, REGION_USABLE);
	add(200, 3, REGION_ACPI_RECLAIMABLE);
	add(210, 3, REGION_ACPI_RECLAIMABLE);
	region_list_limit(&list, 2);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.dropped_bytes, 6 * PAGE_SIZE);
	ck_assert_uint_eq(region_list_max_paddr(&list), 100 * PAGE_SIZE);
	ck_assert_uint_eq(compare(), 6);
}
END_TEST

/* Reclaimable memory is memory: a small usable region is given up before it. */
START_TEST(reclaimable_memory_has_its_price)
{
	add(0, 100, REGION_USABLE);
	add(110, 1, REGION_USABLE);
	add(200, 50, REGION_ACPI_RECLAIMABLE);
	add(260, 50, REGION_ACPI_RECLAIMABLE);
	region_list_limit(&list, 3);
	ck_assert_uint_eq(list.dropped_bytes, PAGE_SIZE);
	ck_assert_uint_eq(compare(), 1);
}
END_TEST

START_TEST(regions_of_the_kernel_stay)
{
	for (unsigned i = 0; i < 40; i++) {
		add(4 * i, 1, REGION_USABLE);
		add(4 * i + 1, 1, REGION_KERNEL + i % 3);
		add(4 * i + 2, 1, REGION_RESERVED);
	}
	region_list_limit(&list, 41);
	/* The 40, and one reserved region under and between them. */
	ck_assert_uint_eq(list.count, 41);
	compare();
	region_list_limit(&list, 10);
	ck_assert_uint_eq(list.count, 41);
	compare();
}
END_TEST

Suite *region_limit_suite(void)
{
	Suite *suite = suite_create("region_limit");
	TCase *tcase = tcase_create("region_limit");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_loop_test(tcase, random_map_loses_what_is_counted_and_nothing_else, 0,
			    sizeof(counts) / sizeof(counts[0]));
	tcase_add_loop_test(tcase, random_map_is_cut_to_any_length, 0,
			    sizeof(counts) / sizeof(counts[0]));
	TCASE_ADD_TESTS(tcase, short_list_is_left_alone, what_can_be_joined_is_not_dropped,
			smallest_usable_regions_are_dropped,
			reserved_regions_never_expose_usable_memory,
			borders_outside_of_usable_memory_go_first,
			reclaimable_regions_become_reserved_together,
			reclaimable_memory_has_its_price, regions_of_the_kernel_stay);
	suite_add_tcase(suite, tcase);
	return suite;
}
