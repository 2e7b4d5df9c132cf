/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/meta_init.h: what it refuses, and with which error; and the array's size. */
#include "unit/suites.h"

#include <string.h>

#include <pagemeta_platform.h>

#include "unit/fixture.h"

#define LARGEST_MEMORY (PLATFORM_META_RANGE_SIZE / SLOT_SIZE * PAGE_SIZE)

START_TEST(array_size_is_64_bytes_a_frame_in_whole_frames)
{
	uint64_t bytes;

	ck_assert(meta_array_size(PAGE_SIZE, &bytes));
	ck_assert_uint_eq(bytes, PAGE_SIZE);
	ck_assert(meta_array_size(PAGE_SIZE / SLOT_SIZE * PAGE_SIZE, &bytes));
	ck_assert_uint_eq(bytes, PAGE_SIZE);
	ck_assert(meta_array_size((PAGE_SIZE / SLOT_SIZE + 1) * PAGE_SIZE, &bytes));
	ck_assert_uint_eq(bytes, 2 * PAGE_SIZE);
}
END_TEST

START_TEST(array_size_ends_with_the_metadata_range)
{
	uint64_t bytes;

	ck_assert(meta_array_size(LARGEST_MEMORY, &bytes));
	ck_assert_uint_eq(bytes, PLATFORM_META_RANGE_SIZE);
}
END_TEST

START_TEST(array_size_past_the_metadata_range_is_refused)
{
	const uint64_t untouched = 1;
	uint64_t bytes = untouched;

	ck_assert(!meta_array_size(LARGEST_MEMORY + PAGE_SIZE, &bytes));
	ck_assert(!meta_array_size(UINT64_MAX, &bytes));
	ck_assert_uint_eq(bytes, untouched);
}
END_TEST

static void assert_init_fails(enum meta_error expected)
{
	enum meta_error error = meta_init(&machine.regions, &machine.early, &machine.array);

	ck_assert_str_eq(meta_error_text(error), meta_error_text(expected));
	ck_assert_uint_eq(meta_max_paddr, 0);
}

START_TEST(map_without_usable_memory_is_refused)
{
	static const struct pvh_memmap_entry entries[] = {{0, MIB, E820_RESERVED, 0}};
	static const struct firmware_map map = MEMORY_MAP("reserved only", entries);

	machine_prepare(&map);
	assert_init_fails(META_NO_USABLE_MEMORY);
}
END_TEST

START_TEST(empty_map_is_refused)
{
	static const struct firmware_map map = {.name = "empty"};

	machine_prepare(&map);
	assert_init_fails(META_NO_USABLE_MEMORY);
}
END_TEST

START_TEST(memory_in_pieces_too_small_for_the_array_is_refused)
{
	/* One usable frame near 3 GiB needs an array of 48 MiB. */
	static const struct pvh_memmap_entry entries[] = {
		{0, 16 * MIB, E820_USABLE, 0},
		{3 * GIB - PAGE_SIZE, PAGE_SIZE, E820_USABLE, 0},
	};
	static const struct firmware_map map = MEMORY_MAP("pieces", entries);

	machine_prepare(&map);
	assert_init_fails(META_NO_ROOM);
	ck_assert_uint_eq(count_resident(0, 3 * GIB), 0);
}
END_TEST

START_TEST(more_memory_than_the_range_describes_is_refused)
{
	memset(&machine, 0, sizeof(machine));
	ck_assert(region_list_add(&machine.regions, 0, LARGEST_MEMORY + PAGE_SIZE, REGION_USABLE));
	assert_init_fails(META_RANGE_EXCEEDED);
}
END_TEST

START_TEST(linear_mapping_that_cannot_grow_is_reported)
{
	static const struct pvh_memmap_entry entries[] = {
		{0, 3 * GIB, E820_USABLE, 0},
		{PLATFORM_EARLY_LIMIT, GIB, E820_USABLE, 0},
	};
	static const struct firmware_map map = MEMORY_MAP("5 GiB", entries);

	machine_prepare(&map);
	/* The host's linear mapping ends where its memory ends. */
	ck_assert(host_memory_create(PLATFORM_EARLY_LIMIT));
	assert_init_fails(META_NOT_MAPPED);
}
END_TEST

/* Regions that are never dropped, one more than a list keeps. */
START_TEST(too_many_regions_of_the_kernel_are_reported)
{
	memset(&machine, 0, sizeof(machine));
	ck_assert(region_list_add(&machine.regions, 0, 64 * MIB, REGION_USABLE));
	for (uint64_t i = 0; i <= REGIONS_MAX; i++)
		ck_assert(region_list_add(&machine.regions, (2 * i + 1) * PAGE_SIZE, PAGE_SIZE,
					  REGION_KERNEL));
	ck_assert(host_memory_create(64 * MIB));
	assert_init_fails(META_TOO_MANY_REGIONS);
	ck_assert_uint_eq(count_resident(0, 64 * MIB), 0);
}
END_TEST

START_TEST(every_error_has_a_text)
{
	for (unsigned i = META_OK; i <= META_SLOT_TAKEN; i++)
		ck_assert_ptr_nonnull(meta_error_text((enum meta_error)i));
}
END_TEST

Suite *meta_init_errors_suite(void)
{
	Suite *suite = suite_create("meta_init_errors");
	TCase *tcase = tcase_create("meta_init_errors");

	tcase_add_checked_fixture(tcase, NULL, machine_destroy);
	TCASE_ADD_TESTS(tcase, array_size_is_64_bytes_a_frame_in_whole_frames,
			array_size_ends_with_the_metadata_range,
			array_size_past_the_metadata_range_is_refused,
			map_without_usable_memory_is_refused, empty_map_is_refused,
			memory_in_pieces_too_small_for_the_array_is_refused,
			more_memory_than_the_range_describes_is_refused,
			linear_mapping_that_cannot_grow_is_reported,
			too_many_regions_of_the_kernel_are_reported, every_error_has_a_text);
	suite_add_tcase(suite, tcase);
	return suite;
}
