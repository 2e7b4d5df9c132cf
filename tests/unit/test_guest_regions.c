/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/guest_regions.h and vmm/source/libvirt/domain_place.h: memory maps of any length, and how
 * a page that lies about its map affects the search for a guest.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/pvh.h>

#include "kind/pagevisor/guest_regions.h"
#include "source/libvirt/domain_place.h"

#define GIB          (UINT64_C(1) << 30)
#define RAM_SIZE     (64 * PAGE_SIZE) /* readable memory; the machine has more */
#define INFO_PA      (8 * PAGE_SIZE)
#define REGIONS_PA   (16 * PAGE_SIZE + 8)
#define MEMORY_BYTES (6 * GIB)
#define HIGH_BYTES   (3 * GIB)
#define CHUNK        (4 * PAGE_SIZE)
#define LOW_GUESS    (UINT64_C(0xe0000000))

static uint8_t *ram;
static struct guest_info *info;
static struct info_region *regions;
static uint64_t read_end; /* the highest address read */
static struct domain_place place;
static struct ram_ends ends;
static struct error err;

static int read_ram(void *own, uint64_t address, void *buffer, size_t size)
{
	(void)own;
	if (address > UINT64_MAX - size)
		return -EFAULT;
	if (address + size > read_end)
		read_end = address + size;
	memset(buffer, 0, size);
	if (address < RAM_SIZE)
		memcpy(buffer, ram + address,
		       size < RAM_SIZE - address ? size : RAM_SIZE - address);
	return 0;
}

static int read_nothing(void *own, uint64_t address, void *buffer, size_t size)
{
	(void)own;
	(void)address;
	(void)buffer;
	(void)size;
	return -EIO;
}

static void set_region(unsigned i, uint64_t addr, uint64_t size, uint32_t type)
{
	regions[i] = (struct info_region){.addr = addr, .size = size, .type = type};
}

/* `count` entries; the last two say where the RAM is. */
static void set_map(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		set_region(i, i * PAGE_SIZE, PAGE_SIZE, E820_RESERVED);
	set_region(count - 2, 0, 3 * GIB, E820_USABLE);
	set_region(count - 1, HIGH_RAM_BASE, HIGH_BYTES, E820_USABLE);
	info->region_count = count;
}

static void setup(void)
{
	ram = calloc(1, RAM_SIZE);
	info = (struct guest_info *)(ram + INFO_PA);
	regions = (struct info_region *)(ram + REGIONS_PA);
	read_end = 0;
	*info = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(*info),
		.boot_stage = STAGE_MEMORY,
		.kernel_end_pa = RAM_SIZE,
		.regions_pa = REGIONS_PA,
	};
	set_map(2);
}

static void teardown(void)
{
	free(ram);
}

static int read_ends(void)
{
	return guest_regions_ends(info, read_ram, NULL, &ends, &err);
}

static void find(void)
{
	read_end = 0;
	ck_assert_int_eq(domain_place_find(read_ram, NULL, MEMORY_BYTES, CHUNK, true, &place), 0);
}

static void assert_found_but_split_guessed(void)
{
	find();
	ck_assert(place.has_info);
	ck_assert_uint_eq(place.info.addr, INFO_PA);
	ck_assert_uint_eq(place.low_size, LOW_GUESS);
	ck_assert_uint_eq(place.high_size, 0);
}

static const unsigned counts[] = {2, 64, 65, 127, 128, 129, 600, INFO_REGIONS_MAX};

START_TEST(a_map_is_read_whole)
{
	set_map(counts[_i]);
	ck_assert_int_eq(read_ends(), 0);
	ck_assert_uint_eq(ends.low, 3 * GIB);
	ck_assert_uint_eq(ends.high, HIGH_RAM_BASE + HIGH_BYTES);
	find();
	ck_assert(place.has_info);
	ck_assert_uint_eq(place.info.addr, INFO_PA);
	ck_assert_uint_eq(place.low_size, MEMORY_BYTES - HIGH_BYTES);
	ck_assert_uint_eq(place.high_size, HIGH_BYTES);
}
END_TEST

START_TEST(a_map_may_be_in_any_order)
{
	set_map(3);
	set_region(0, HIGH_RAM_BASE, HIGH_BYTES, E820_USABLE);
	set_region(1, 0, 0, E820_USABLE);
	set_region(2, PAGE_SIZE, GIB, E820_USABLE);
	ck_assert_int_eq(read_ends(), 0);
	ck_assert_uint_eq(ends.low, GIB + PAGE_SIZE);
	ck_assert_uint_eq(ends.high, HIGH_RAM_BASE + HIGH_BYTES);
}
END_TEST

START_TEST(regions_that_wrap_do_not_count)
{
	set_map(4);
	set_region(0, UINT64_MAX - PAGE_SIZE + 1, HIGH_RAM_BASE + 2 * HIGH_BYTES, E820_USABLE);
	set_region(1, HIGH_RAM_BASE - PAGE_SIZE, UINT64_MAX - GIB / 2, E820_USABLE);
	ck_assert_int_eq(read_ends(), 0);
	ck_assert_uint_eq(ends.low, 3 * GIB);
	ck_assert_uint_eq(ends.high, HIGH_RAM_BASE + HIGH_BYTES);
}
END_TEST

/* As the guest counts: memory of ACPI tables becomes usable, what the firmware keeps does not. */
START_TEST(reclaimable_memory_counts)
{
	set_map(4);
	set_region(0, 3 * GIB, PAGE_SIZE, E820_ACPI_RECLAIMABLE);
	set_region(1, HIGH_RAM_BASE + HIGH_BYTES, GIB, E820_ACPI_NVS);
	ck_assert_int_eq(read_ends(), 0);
	ck_assert_uint_eq(ends.low, 3 * GIB + PAGE_SIZE);
	ck_assert_uint_eq(ends.high, HIGH_RAM_BASE + HIGH_BYTES);
}
END_TEST

START_TEST(no_map_has_no_ends)
{
	info->region_count = 0;
	ck_assert_int_eq(read_ends(), 0);
	ck_assert_uint_eq(ends.low | ends.high, 0);
	ck_assert_uint_eq(read_end, 0);
}
END_TEST

START_TEST(what_cannot_be_read_is_said)
{
	ck_assert_int_eq(guest_regions_ends(info, read_nothing, NULL, &ends, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "memory map cannot be read"));
	ck_assert_int_eq(domain_place_find(read_nothing, NULL, MEMORY_BYTES, CHUNK, true, &place),
			 -EIO);
}
END_TEST

START_TEST(a_map_that_is_not_read_yet_is_waited_for)
{
	info->boot_stage = STAGE_ENTERED;
	ck_assert_int_eq(read_ends(), -EAGAIN);
	find();
	ck_assert(!place.has_info);
}
END_TEST

/* Each makes an impossible map, of which nothing may be read. */
static void lie_count(void)
{
	info->region_count = INFO_REGIONS_MAX + 1;
}
static void lie_unaligned(void)
{
	info->regions_pa += 4;
}
static void lie_wraps(void)
{
	info->regions_pa = UINT64_MAX - sizeof(struct info_region) + 1;
}

static void (*const lies[])(void) = {lie_count, lie_unaligned, lie_wraps};

START_TEST(a_map_that_cannot_be_is_not_read)
{
	lies[_i]();
	ck_assert_int_eq(read_ends(), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "info page is broken: region"));
	ck_assert_uint_eq(read_end, 0);
}
END_TEST

/* Devices lie behind the RAM, and in the hole below 4 GiB. */
START_TEST(a_map_where_a_device_may_be_is_not_read)
{
	static const uint64_t places[] = {2 * GIB, 2 * GIB - 8, 0xfee00000, MEMORY_BYTES};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		info->regions_pa = places[i];
		assert_found_but_split_guessed();
		ck_assert_uint_le(read_end, DOMAIN_SEARCH_END);
	}
	read_end = 0;
	info->regions_pa = RAM_SIZE;
	ck_assert_int_eq(domain_place_find(read_ram, NULL, RAM_SIZE, CHUNK, true, &place), 0);
	ck_assert(place.has_info);
	ck_assert_uint_eq(read_end, INFO_PA + CHUNK);
}
END_TEST

START_TEST(a_map_that_is_wrong_leaves_a_guess)
{
	set_region(1, HIGH_RAM_BASE, MEMORY_BYTES, E820_USABLE);
	assert_found_but_split_guessed();
	set_region(1, HIGH_RAM_BASE, HIGH_BYTES + 1, E820_USABLE);
	assert_found_but_split_guessed();
}
END_TEST

/* The part left for below 4 GiB does not fit there, so the page must be another machine's. */
START_TEST(a_map_of_another_machine_is_none)
{
	set_region(1, HIGH_RAM_BASE, PAGE_SIZE, E820_USABLE);
	find();
	ck_assert(!place.has_info);
	ck_assert_uint_eq(place.low_size, LOW_GUESS);
	ck_assert_uint_eq(place.high_size, 0);
}
END_TEST

START_TEST(a_page_of_another_abi_is_found)
{
	info->abi_version = INFO_ABI_VERSION - 1;
	info->info_size = sizeof(*info);
	info->regions_pa = 0;
	assert_found_but_split_guessed();
	ck_assert_int_eq(read_ends(), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "speaks ABI version 6"));
	info->info_size = (uint32_t)PAGE_SIZE + 1;
	find();
	ck_assert(!place.has_info);
}
END_TEST

START_TEST(a_page_of_another_size_is_none)
{
	info->info_size--;
	find();
	ck_assert(!place.has_info);
}
END_TEST

Suite *guest_regions_suite(void)
{
	Suite *suite = suite_create("guest_regions");
	TCase *tcase = tcase_create("guest_regions");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_map_is_read_whole, 0, sizeof(counts) / sizeof(counts[0]));
	tcase_add_test(tcase, a_map_may_be_in_any_order);
	tcase_add_test(tcase, regions_that_wrap_do_not_count);
	tcase_add_test(tcase, reclaimable_memory_counts);
	tcase_add_test(tcase, no_map_has_no_ends);
	tcase_add_test(tcase, what_cannot_be_read_is_said);
	tcase_add_test(tcase, a_map_that_is_not_read_yet_is_waited_for);
	tcase_add_loop_test(tcase, a_map_that_cannot_be_is_not_read, 0,
			    sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(tcase, a_map_where_a_device_may_be_is_not_read);
	tcase_add_test(tcase, a_map_that_is_wrong_leaves_a_guess);
	tcase_add_test(tcase, a_map_of_another_machine_is_none);
	tcase_add_test(tcase, a_page_of_another_abi_is_found);
	tcase_add_test(tcase, a_page_of_another_size_is_none);
	suite_add_tcase(suite, tcase);
	return suite;
}
