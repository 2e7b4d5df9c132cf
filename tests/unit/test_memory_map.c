/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of guest/boot/memory_map.h: the kinds of E820 types, and what is published of maps of any length. */
#include "unit/suites.h"

#include <string.h>

#include "guest/boot/memory_map.h"
#include "unit/fixture.h"

#define COUNT_MAX 3000
#define END       (COUNT_MAX * 3 * PAGE_SIZE) /* of all entries of the maps below */

static struct pvh_memmap_entry entries[COUNT_MAX];
static struct region_list regions;
static struct info_region published[INFO_REGIONS_MAX];

static void setup(void)
{
	memset(&regions, 0, sizeof(regions));
	memset(published, 0xff, sizeof(published));
}

static const struct {
	uint32_t type;
	enum region_kind kind;
} types[] = {
	{0, REGION_RESERVED},
	{E820_USABLE, REGION_USABLE},
	{E820_RESERVED, REGION_RESERVED},
	{E820_ACPI_RECLAIMABLE, REGION_ACPI_RECLAIMABLE},
	{E820_ACPI_NVS, REGION_ACPI_NVS},
	{E820_UNUSABLE, REGION_UNUSABLE},
	{E820_NON_VOLATILE, REGION_NON_VOLATILE},
	{UINT32_MAX, REGION_RESERVED},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

START_TEST(e820_types_have_their_kind)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		ck_assert_uint_eq(region_kind_of_e820(types[i].type), types[i].kind);
}
END_TEST

/* A map of entries that cannot be joined, in no order: of all types, of one or two pages, and a few empty ones. */
static unsigned read_map(unsigned count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i * 7919 % count; /* a prime */

		entries[i] = (struct pvh_memmap_entry){
			.addr = at * 3 * PAGE_SIZE,
			.size = at % 50 == 49 ? 0 : (1 + at % 2) * PAGE_SIZE,
			.type = at % 3 ? E820_USABLE : types[at % TYPE_COUNT].type,
		};
	}
	return memory_map_read(entries, count, &regions, published);
}

static const unsigned counts[] = {1, 126, 127, 512, INFO_REGIONS_MAX};

START_TEST(map_that_fits_is_published_as_it_was_given)
{
	ck_assert_uint_eq(read_map(counts[_i]), counts[_i]);
	ck_assert_uint_eq(regions.dropped, 0);
	for (unsigned i = 0; i < counts[_i]; i++) {
		ck_assert_uint_eq(published[i].addr, entries[i].addr);
		ck_assert_uint_eq(published[i].size, entries[i].size);
		ck_assert_uint_eq(published[i].type, entries[i].type);
		ck_assert_uint_eq(published[i].reserved, 0);
	}
}
END_TEST

static uint64_t usable_bytes(const struct region_list *partition)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < partition->count; i++)
		if (region_kind_is_allocatable(partition->regions[i].kind))
			bytes += partition->regions[i].end - partition->regions[i].start;
	return bytes;
}

static uint64_t usable_in_entries(unsigned count)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		if (region_kind_is_allocatable(region_kind_of_e820(entries[i].type)))
			bytes += entries[i].size;
	return bytes;
}

static const unsigned long_counts[] = {1100, 2000, COUNT_MAX};

/* What the kernel uses and what an observer finds is the same, also where entries were dropped. */
START_TEST(map_that_does_not_fit_is_published_as_it_is_used)
{
	static struct region_list used, seen, again;
	uint64_t lost;
	unsigned count = read_map(long_counts[_i]);

	ck_assert_uint_le(count, INFO_REGIONS_MAX);
	ck_assert_uint_eq(count, regions.count);
	ck_assert_uint_gt(regions.dropped, 0);
	memset(&again, 0, sizeof(again));
	for (unsigned i = 0; i < count; i++)
		ck_assert(region_list_add(&again, published[i].addr, published[i].size,
					  region_kind_of_e820(published[i].type)));
	ck_assert(region_partition(&regions, END, &used));
	ck_assert(region_partition(&again, END, &seen));
	assert_same_partition(&used, &seen);
	lost = usable_in_entries(long_counts[_i]) - usable_bytes(&used);
	ck_assert_uint_gt(lost, 0);
	/* The bytes are exact as long as the list had room for all entries at once. */
	if (long_counts[_i] <= REGION_PARTS_MAX)
		ck_assert_uint_eq(regions.dropped_bytes, lost);
	else
		ck_assert_uint_le(regions.dropped_bytes, lost);
}
END_TEST

Suite *memory_map_suite(void)
{
	Suite *suite = suite_create("memory_map");
	TCase *tcase = tcase_create("memory_map");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, e820_types_have_their_kind);
	tcase_add_loop_test(tcase, map_that_fits_is_published_as_it_was_given, 0,
			    sizeof(counts) / sizeof(counts[0]));
	tcase_add_loop_test(tcase, map_that_does_not_fit_is_published_as_it_is_used, 0,
			    sizeof(long_counts) / sizeof(long_counts[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
