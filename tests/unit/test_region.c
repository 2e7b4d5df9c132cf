/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/region.h: how regions are rounded, what survives an overlap, and that a partition covers memory
 * exactly, compared page by page with a model without regions.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/region.h"
#include "unit/fixture.h"

#define LAST_PAGE (UINT64_MAX & ~(PAGE_SIZE - 1))

#define RANDOM_ROUNDS  400
#define RANDOM_SEED    UINT64_C(0x9e3779b97f4a7c15)
#define RANDOM_PAGES   200 /* size of the random machine */
#define RANDOM_REGIONS 30
#define RANDOM_LENGTH  20 /* pages, at most */

static struct region_list list;
static struct region_list partition;

static void setup(void)
{
	memset(&list, 0, sizeof(list));
	/* A partition must not depend on the previous contents of its list. */
	memset(&partition, 0xff, sizeof(partition));
}

static void add(uint64_t addr, uint64_t size, enum region_kind kind)
{
	ck_assert(region_list_add(&list, addr, size, kind));
}

static void assert_region(const struct region *region, uint64_t start, uint64_t end,
			  enum region_kind kind)
{
	ck_assert_uint_eq(region->start, start);
	ck_assert_uint_eq(region->end, end);
	ck_assert_uint_eq(region->kind, kind);
}

static void assert_only_region(uint64_t start, uint64_t end, enum region_kind kind)
{
	ck_assert_uint_eq(list.count, 1);
	assert_region(&list.regions[0], start, end, kind);
}

START_TEST(usable_memory_shrinks_to_whole_pages)
{
	add(PAGE_SIZE - 1, 2 * PAGE_SIZE + 2, REGION_USABLE);
	assert_only_region(PAGE_SIZE, 3 * PAGE_SIZE, REGION_USABLE);
}
END_TEST

START_TEST(other_memory_grows_to_whole_pages)
{
	add(2 * PAGE_SIZE - 1, 2, REGION_RESERVED);
	assert_only_region(PAGE_SIZE, 3 * PAGE_SIZE, REGION_RESERVED);
}
END_TEST

START_TEST(whole_pages_stay_as_they_are)
{
	add(PAGE_SIZE, PAGE_SIZE, REGION_USABLE);
	add(2 * PAGE_SIZE, PAGE_SIZE, REGION_RESERVED);
	ck_assert_uint_eq(list.count, 2);
	assert_region(&list.regions[0], PAGE_SIZE, 2 * PAGE_SIZE, REGION_USABLE);
	assert_region(&list.regions[1], 2 * PAGE_SIZE, 3 * PAGE_SIZE, REGION_RESERVED);
}
END_TEST

START_TEST(empty_region_is_left_out)
{
	add(PAGE_SIZE, 0, REGION_USABLE);
	add(PAGE_SIZE + 1, 0, REGION_RESERVED);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(usable_memory_without_a_whole_page_is_left_out)
{
	add(PAGE_SIZE + 1, PAGE_SIZE - 1, REGION_USABLE);
	add(PAGE_SIZE - 1, PAGE_SIZE, REGION_USABLE);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(region_that_wraps_ends_at_the_last_page)
{
	add(LAST_PAGE - PAGE_SIZE, UINT64_MAX, REGION_USABLE);
	add(LAST_PAGE - PAGE_SIZE, 2 * PAGE_SIZE, REGION_RESERVED);
	add(LAST_PAGE - PAGE_SIZE, 2 * PAGE_SIZE - 1, REGION_UNUSABLE);
	ck_assert_uint_eq(list.count, 3);
	for (unsigned i = 0; i < list.count; i++) {
		ck_assert_uint_eq(list.regions[i].start, LAST_PAGE - PAGE_SIZE);
		ck_assert_uint_eq(list.regions[i].end, LAST_PAGE);
	}
}
END_TEST

START_TEST(region_in_the_last_page_is_left_out)
{
	add(LAST_PAGE, PAGE_SIZE, REGION_RESERVED);
	add(UINT64_MAX, 1, REGION_RESERVED);
	add(UINT64_MAX, UINT64_MAX, REGION_USABLE);
	add(LAST_PAGE + 1, UINT64_MAX, REGION_USABLE);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

/* Kinds that are never dropped. */
static void fill_with_own(unsigned count)
{
	for (uint64_t i = 0; i < count; i++)
		add((2 * i + 1) * PAGE_SIZE, PAGE_SIZE, REGION_KERNEL);
}

START_TEST(full_list_refuses_and_stays_as_it_was)
{
	static struct region_list before;

	fill_with_own(REGION_PARTS_MAX);
	before = list;
	ck_assert(!region_list_add(&list, 0, PAGE_SIZE, REGION_RESERVED));
	ck_assert_mem_eq(&list, &before, sizeof(list));
}
END_TEST

START_TEST(full_list_still_takes_an_empty_region)
{
	fill_with_own(REGION_PARTS_MAX);
	add(PAGE_SIZE, 0, REGION_USABLE);
	ck_assert_uint_eq(list.count, REGION_PARTS_MAX);
}
END_TEST

START_TEST(max_paddr_ignores_what_is_not_usable)
{
	/* As on QEMU's pc and q35: a reserved region just below 1 TiB. */
	add(0, 64 * MIB, REGION_USABLE);
	add(0xfd00000000, 0x300000000, REGION_RESERVED);
	ck_assert_uint_eq(region_list_max_paddr(&list), 64 * MIB);
}
END_TEST

START_TEST(max_paddr_is_the_largest_end_in_any_order)
{
	add(4 * GIB, GIB, REGION_USABLE);
	add(0, MIB, REGION_USABLE);
	ck_assert_uint_eq(region_list_max_paddr(&list), 5 * GIB);
}
END_TEST

START_TEST(max_paddr_is_the_end_of_the_last_ram)
{
	static const bool is_ram[REGION_KIND_COUNT] = {
		[REGION_USABLE] = true,
		[REGION_RECLAIMABLE] = true,
		[REGION_ACPI_RECLAIMABLE] = true,
		[REGION_MODULE] = true,
		[REGION_KERNEL] = true,
		[REGION_EARLY] = true,
		[REGION_META] = true,
	};

	for (unsigned kind = REGION_USABLE; kind < REGION_KIND_COUNT; kind++) {
		setup();
		add(0, MIB, REGION_USABLE);
		add(2 * MIB, MIB, (enum region_kind)kind);
		ck_assert_uint_eq(region_list_max_paddr(&list), is_ram[kind] ? 3 * MIB : MIB);
	}
}
END_TEST

START_TEST(max_paddr_without_ram_is_zero)
{
	add(0, MIB, REGION_RESERVED);
	add(MIB, MIB, REGION_ACPI_NVS);
	ck_assert_uint_eq(region_list_max_paddr(&list), 0);
}
END_TEST

START_TEST(partition_of_nothing_is_one_hole)
{
	ck_assert(region_partition(&list, MIB, &partition));
	ck_assert_uint_eq(partition.count, 1);
	assert_region(&partition.regions[0], 0, MIB, REGION_HOLE);
}
END_TEST

START_TEST(partition_up_to_zero_is_empty)
{
	add(0, MIB, REGION_USABLE);
	ck_assert(region_partition(&list, 0, &partition));
	ck_assert_uint_eq(partition.count, 0);
}
END_TEST

START_TEST(partition_merges_neighbours_of_one_kind)
{
	add(PAGE_SIZE, PAGE_SIZE, REGION_USABLE);
	add(0, PAGE_SIZE, REGION_USABLE);
	ck_assert(region_partition(&list, 2 * PAGE_SIZE, &partition));
	ck_assert_uint_eq(partition.count, 1);
	assert_region(&partition.regions[0], 0, 2 * PAGE_SIZE, REGION_USABLE);
}
END_TEST

START_TEST(stronger_kind_wins_an_overlap)
{
	for (unsigned weak = REGION_USABLE; weak < REGION_KIND_COUNT; weak++)
		for (unsigned strong = weak + 1; strong < REGION_KIND_COUNT; strong++) {
			setup();
			add(PAGE_SIZE, PAGE_SIZE, (enum region_kind)strong);
			add(0, 3 * PAGE_SIZE, (enum region_kind)weak);
			ck_assert(region_partition(&list, 3 * PAGE_SIZE, &partition));
			ck_assert_uint_eq(partition.count, 3);
			assert_region(&partition.regions[0], 0, PAGE_SIZE, (enum region_kind)weak);
			assert_region(&partition.regions[1], PAGE_SIZE, 2 * PAGE_SIZE,
				      (enum region_kind)strong);
			assert_region(&partition.regions[2], 2 * PAGE_SIZE, 3 * PAGE_SIZE,
				      (enum region_kind)weak);
		}
}
END_TEST

START_TEST(framebuffer_shows_inside_a_reserved_region)
{
	add(0, 3 * PAGE_SIZE, REGION_RESERVED);
	add(PAGE_SIZE, PAGE_SIZE, REGION_FRAMEBUFFER);
	ck_assert(region_partition(&list, 3 * PAGE_SIZE, &partition));
	assert_region(&partition.regions[1], PAGE_SIZE, 2 * PAGE_SIZE, REGION_FRAMEBUFFER);
}
END_TEST

START_TEST(longest_list_has_a_partition)
{
	/* A hole before and behind each region: twice as many parts as regions, and one. */
	fill_with_own(REGIONS_MAX + REGIONS_OF_INIT);
	ck_assert(region_partition(&list, REGION_PARTS_MAX * PAGE_SIZE, &partition));
	ck_assert_uint_eq(partition.count, REGION_PARTS_MAX);
}
END_TEST

START_TEST(partition_that_does_not_fit_is_refused)
{
	fill_with_own(REGIONS_MAX + REGIONS_OF_INIT + 1);
	ck_assert(region_partition(&list, REGION_PARTS_MAX * PAGE_SIZE, &partition));
	ck_assert(!region_partition(&list, (REGION_PARTS_MAX + 1) * PAGE_SIZE, &partition));
}
END_TEST

/* Some regions in any order, page-aligned or not, and the resulting kind of each page. */
static void random_regions(uint64_t *seed, enum region_kind *model)
{
	for (unsigned i = 0; i < RANDOM_PAGES; i++)
		model[i] = REGION_HOLE;
	for (unsigned i = 0; i < RANDOM_REGIONS; i++) {
		enum region_kind kind =
			REGION_USABLE +
			(enum region_kind)(random_next(seed) % (REGION_KIND_COUNT - REGION_USABLE));
		uint64_t start = random_next(seed) % (RANDOM_PAGES * PAGE_SIZE);
		uint64_t end = start + random_next(seed) % (RANDOM_LENGTH * PAGE_SIZE);

		add(start, end - start, kind);
		for (uint64_t page = 0; page < RANDOM_PAGES; page++) {
			uint64_t first = page * PAGE_SIZE;
			uint64_t next = first + PAGE_SIZE;
			bool covered = kind == REGION_USABLE
					       ? start <= first && next <= end
					       : start < end && start < next && first < end;

			if (covered && kind > model[page])
				model[page] = kind;
		}
	}
}

START_TEST(partition_of_random_regions_agrees_with_a_page_model)
{
	uint64_t seed = RANDOM_SEED;
	enum region_kind model[RANDOM_PAGES];

	for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
		setup();
		random_regions(&seed, model);

		uint64_t end = (1 + random_next(&seed) % RANDOM_PAGES) * PAGE_SIZE;
		uint64_t covered = 0;

		ck_assert(region_partition(&list, end, &partition));
		for (unsigned i = 0; i < partition.count; i++) {
			const struct region *region = &partition.regions[i];

			ck_assert_uint_eq(region->start, covered);
			ck_assert_uint_lt(region->start, region->end);
			if (i > 0)
				ck_assert_uint_ne(region->kind, region[-1].kind);
			for (uint64_t addr = region->start; addr < region->end; addr += PAGE_SIZE)
				ck_assert_uint_eq(region->kind, model[addr / PAGE_SIZE]);
			covered = region->end;
		}
		ck_assert_uint_eq(covered, end);
	}
}
END_TEST

Suite *region_suite(void)
{
	Suite *suite = suite_create("region");
	TCase *tcase = tcase_create("region");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, usable_memory_shrinks_to_whole_pages,
			other_memory_grows_to_whole_pages, whole_pages_stay_as_they_are,
			empty_region_is_left_out, usable_memory_without_a_whole_page_is_left_out,
			region_that_wraps_ends_at_the_last_page,
			region_in_the_last_page_is_left_out, full_list_refuses_and_stays_as_it_was,
			full_list_still_takes_an_empty_region, max_paddr_ignores_what_is_not_usable,
			max_paddr_is_the_largest_end_in_any_order,
			max_paddr_is_the_end_of_the_last_ram, max_paddr_without_ram_is_zero,
			partition_of_nothing_is_one_hole, partition_up_to_zero_is_empty,
			partition_merges_neighbours_of_one_kind, stronger_kind_wins_an_overlap,
			framebuffer_shows_inside_a_reserved_region, longest_list_has_a_partition,
			partition_that_does_not_fit_is_refused,
			partition_of_random_regions_agrees_with_a_page_model);
	suite_add_tcase(suite, tcase);
	return suite;
}
