/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of early memory that a kernel takes before meta_init: it survives, its frames have a type of their own, and an
 * allocator that does not belong to the map is refused.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/meta_check.h"
#include "unit/fixture.h"
#include "unit/qemu_maps.h"

#define TAKEN_MAX 4
#define BORDER    PLATFORM_EARLY_LIMIT

static const struct pvh_memmap_entry both_zones[] = {
	{BORDER, 200 * MIB, E820_USABLE, 0},
	{MIB, 100 * MIB, E820_USABLE, 0},
	{50 * MIB, PAGE_SIZE, E820_RESERVED, 0},
};
static const struct firmware_map both_zones_map = MEMORY_MAP("both zones", both_zones);

/* Pages that a kernel took, each byte of them with its own value. */
static struct taken {
	uint64_t start;
	uint64_t pages;
} taken[TAKEN_MAX];
static unsigned taken_count;

static uint8_t pattern(uint64_t addr)
{
	return (uint8_t)(addr * 31 + (addr >> 12) + 7);
}

static void setup(void)
{
	taken_count = 0;
}

static void take(uint64_t pages, uint64_t align, enum early_zone zone)
{
	paddr_t out;

	ck_assert(early_alloc(&machine.early, pages * PAGE_SIZE, align, zone, &out));
	for (uint64_t addr = out.addr; addr < out.addr + pages * PAGE_SIZE; addr++)
		*(uint8_t *)platform_phys_to_virt(paddr(addr)) = pattern(addr);
	taken[taken_count++] = (struct taken){out.addr, pages};
}

static bool is_taken(uint64_t addr)
{
	for (unsigned i = 0; i < taken_count; i++)
		if (addr - taken[i].start < taken[i].pages * PAGE_SIZE)
			return true;
	return false;
}

static void init_meta(void)
{
	enum meta_error error = meta_init(&machine.regions, &machine.early, &machine.array);

	ck_assert_str_eq(meta_error_text(error), meta_error_text(META_OK));
}

static void assert_taken_survived(void)
{
	uint64_t bytes;
	struct meta_fault fault;

	ck_assert(meta_array_size(meta_max_paddr, &bytes));
	for (uint64_t addr = machine.array.base.addr; addr < machine.array.base.addr + bytes;
	     addr += PAGE_SIZE)
		ck_assert(!is_taken(addr));
	for (unsigned i = 0; i < taken_count; i++) {
		uint64_t end = taken[i].start + taken[i].pages * PAGE_SIZE;

		for (uint64_t addr = taken[i].start; addr < end; addr++)
			if (*(uint8_t *)platform_phys_to_virt(paddr(addr)) != pattern(addr))
				ck_abort_msg("byte %#lx changed", (unsigned long)addr);
		for (uint64_t addr = taken[i].start; addr < end; addr += PAGE_SIZE) {
			ck_assert_ptr_eq(frame_type((frame_t){frame_to_meta(paddr(addr))}),
					 region_type(REGION_EARLY));
			ck_assert_uint_eq(region_at(&machine.array.partition, addr)->kind,
					  REGION_EARLY);
		}
	}
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}

static const struct firmware_map *const maps[] = {&qemu_maps[0], &qemu_maps[1], &qemu_maps[7],
						  &qemu_maps[13], &both_zones_map};

START_TEST(memory_taken_before_survives)
{
	machine_prepare(maps[_i]);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	take(3, PAGE_SIZE, EARLY_LOW);
	take(5, PAGE_SIZE, EARLY_ANY);
	take(1, 64 * PAGE_SIZE, EARLY_LOW);
	take(2, PAGE_SIZE, EARLY_LOW);
	init_meta();
	assert_taken_survived();
}
END_TEST

/* As without a kernel's help: the array is where it would be. */
START_TEST(allocator_without_memory_taken_changes_nothing)
{
	static struct meta_array array;

	machine_create(maps[_i]);
	array = machine.array;
	machine_destroy();
	machine_prepare(maps[_i]);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	init_meta();
	ck_assert_uint_eq(machine.array.base.addr, array.base.addr);
	assert_same_partition(&machine.array.partition, &array.partition);
}
END_TEST

/* The array begins at a multiple of 2 MiB. What lies between it and the memory taken is not lost. */
START_TEST(memory_skipped_by_the_alignment_stays_free)
{
	machine_prepare(&both_zones_map);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	take(1, PAGE_SIZE, EARLY_ANY);
	init_meta();
	ck_assert_uint_eq(taken[0].start, BORDER);
	ck_assert_uint_eq(machine.array.base.addr, BORDER + LARGE_PAGE_SIZE);
	ck_assert_uint_eq(count_unused(BORDER + PAGE_SIZE, BORDER + LARGE_PAGE_SIZE),
			  LARGE_PAGE_SIZE / PAGE_SIZE - 1);
	assert_taken_survived();
}
END_TEST

/* Overlaps count: the list is no partition. */
START_TEST(regions_of_a_list_are_cut_by_stronger_ones)
{
	machine_prepare(&both_zones_map);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	ck_assert_uint_eq(machine.early.low.start, 50 * MIB + PAGE_SIZE);
	ck_assert_uint_eq(machine.early.low.end, 101 * MIB);
	ck_assert_uint_eq(machine.early.high.start, BORDER);
	ck_assert_uint_eq(machine.early.high.end, BORDER + 200 * MIB);
}
END_TEST

static void assert_refused(enum meta_error expected)
{
	const struct early_allocator before = machine.early;
	enum meta_error error = meta_init(&machine.regions, &machine.early, &machine.array);

	ck_assert_str_eq(meta_error_text(error), meta_error_text(expected));
	ck_assert_mem_eq(&machine.early, &before, sizeof(before));
	ck_assert_uint_eq(meta_max_paddr, 0);
}

START_TEST(allocator_of_another_map_is_refused)
{
	static struct early_allocator foreign;

	memset(&foreign, 0, sizeof(foreign));
	machine_prepare(&qemu_maps[1]);
	ck_assert(early_alloc_init(&foreign, &machine.regions));
	machine_destroy();
	machine_prepare(&qemu_maps[0]);
	machine.early = foreign;
	assert_refused(META_EARLY_FOREIGN);
	ck_assert_uint_eq(count_resident(0, 14 * MIB), 0);
	/* With its own allocator the map is good. */
	memset(&machine.early, 0, sizeof(machine.early));
	init_meta();
}
END_TEST

/* Its first page: neither taken nor what would be given out next. */
START_TEST(region_added_over_early_memory_is_refused)
{
	machine_prepare(&both_zones_map);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	take(1, PAGE_SIZE, EARLY_LOW);
	ck_assert(region_list_add(&machine.regions, 100 * MIB, 1, REGION_MODULE));
	assert_refused(META_EARLY_FOREIGN);
	ck_assert_uint_eq(count_resident(0, BORDER), 1);
}
END_TEST

START_TEST(region_added_over_high_early_memory_is_refused)
{
	machine_prepare(&both_zones_map);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	ck_assert_uint_gt(machine.early.high.end, machine.early.high.start);
	ck_assert(region_list_add(&machine.regions, machine.early.high.start, 1, REGION_MODULE));
	assert_refused(META_EARLY_FOREIGN);
}
END_TEST

START_TEST(retired_allocator_is_refused)
{
	machine_create(&qemu_maps[0]);
	meta_max_paddr = 0;
	assert_refused(META_EARLY_RETIRED);
}
END_TEST

START_TEST(allocator_is_set_up_once)
{
	struct early_allocator before;

	machine_prepare(&qemu_maps[0]);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	take(1, PAGE_SIZE, EARLY_LOW);
	before = machine.early;
	ck_assert(!early_alloc_init(&machine.early, &machine.regions));
	ck_assert_mem_eq(&machine.early, &before, sizeof(before));
	init_meta();
	ck_assert(!early_alloc_init(&machine.early, &machine.regions));
	ck_assert_uint_eq(machine.early.state, EARLY_RETIRED);
}
END_TEST

START_TEST(allocator_that_is_not_set_up_gives_out_nothing)
{
	static struct region_list list;
	paddr_t out = paddr(1);

	memset(&machine.early, 0, sizeof(machine.early));
	ck_assert(!early_alloc(&machine.early, PAGE_SIZE, PAGE_SIZE, EARLY_ANY, &out));
	ck_assert_uint_eq(out.addr, 1);
	memset(&list, 0, sizeof(list));
	ck_assert(!early_alloc_retire(&machine.early, &list));
	ck_assert_uint_eq(machine.early.state, EARLY_UNSET);
}
END_TEST

/* A kernel may try again with a better list. */
START_TEST(failed_init_leaves_the_allocator_as_it_was)
{
	static const struct pvh_memmap_entry entries[] = {{0, MIB, E820_RESERVED, 0}};
	static const struct firmware_map map = MEMORY_MAP("reserved only", entries);

	machine_prepare(&map);
	assert_refused(META_NO_USABLE_MEMORY);
	ck_assert(region_list_add(&machine.regions, MIB, 8 * MIB, REGION_USABLE));
	ck_assert(host_memory_create(9 * MIB));
	init_meta();
}
END_TEST

/* The memory taken leaves no room for the array: an error, and it is still as it was. */
START_TEST(array_without_room_leaves_early_memory_alone)
{
	static const struct pvh_memmap_entry entries[] = {{0, 8 * MIB, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("8 MiB", entries);

	machine_prepare(&map);
	ck_assert(early_alloc_init(&machine.early, &machine.regions));
	take(8 * MIB / PAGE_SIZE - 31, PAGE_SIZE, EARLY_ANY);
	assert_refused(META_NO_ROOM);
	ck_assert_uint_eq(*(uint8_t *)platform_phys_to_virt(paddr(MIB)), pattern(MIB));
	/* 31 pages; the array takes 32. */
	take(31, PAGE_SIZE, EARLY_ANY);
}
END_TEST

Suite *early_memory_suite(void)
{
	Suite *suite = suite_create("early_memory");
	TCase *tcase = tcase_create("early_memory");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_loop_test(tcase, memory_taken_before_survives, 0, sizeof(maps) / sizeof(maps[0]));
	tcase_add_loop_test(tcase, allocator_without_memory_taken_changes_nothing, 0,
			    sizeof(maps) / sizeof(maps[0]));
	TCASE_ADD_TESTS(
		tcase, memory_skipped_by_the_alignment_stays_free,
		regions_of_a_list_are_cut_by_stronger_ones, allocator_of_another_map_is_refused,
		region_added_over_early_memory_is_refused,
		region_added_over_high_early_memory_is_refused, retired_allocator_is_refused,
		allocator_is_set_up_once, allocator_that_is_not_set_up_gives_out_nothing,
		failed_init_leaves_the_allocator_as_it_was,
		array_without_room_leaves_early_memory_alone);
	suite_add_tcase(suite, tcase);
	return suite;
}
