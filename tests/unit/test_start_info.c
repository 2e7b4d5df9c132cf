/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/machine/boot/start_info.c: what the kernel finds in low memory, and the memory map. */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/acpi.h>
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "machine/boot/start_info.h"

#define MIB         (UINT64_C(1) << 20)
#define GIB         (UINT64_C(1) << 30)
#define RAM_SIZE    (2 * MIB)
#define RAM_FILL    0xa5
#define MEMORY_SIZE (64 * MIB) /* as reported to the guest; only the first MiB is written */

static struct memory_map map;
static uint8_t *ram;

static void setup(void)
{
	ram = malloc(RAM_SIZE);
	ck_assert_ptr_nonnull(ram);
	memset(ram, RAM_FILL, RAM_SIZE);
	map = (struct memory_map){
		.count = 1,
		.regions = {{.size = RAM_SIZE, .host = ram, .fd = -1}},
	};
}

static void teardown(void)
{
	free(ram);
}

static bool untouched(uint64_t start, uint64_t end)
{
	for (uint64_t i = start; i < end; i++)
		if (ram[i] != RAM_FILL)
			return false;
	return true;
}

static struct pvh_start_info write_info(uint64_t memory_size, const char *cmdline)
{
	struct pvh_start_info info;
	struct error err;
	paddr_t at;

	ck_assert_int_eq(start_info_write(&map, memory_size, cmdline, 2, &at, &err), 0);
	ck_assert_uint_le(at.addr + sizeof(info), PC_LOW_MEMORY_END);
	memcpy(&info, ram + at.addr, sizeof(info));
	return info;
}

static void assert_refused(uint64_t memory_size, const char *cmdline, unsigned cpus, int code)
{
	paddr_t at = paddr(1);
	struct error err;

	ck_assert_int_eq(start_info_write(&map, memory_size, cmdline, cpus, &at, &err), code);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert_uint_eq(at.addr, 1);
	ck_assert(untouched(0, RAM_SIZE));
}

START_TEST(the_start_info_is_version_1)
{
	struct pvh_start_info info = write_info(MEMORY_SIZE, "");

	ck_assert_uint_eq(info.magic, PVH_START_INFO_MAGIC);
	ck_assert_uint_eq(info.version, 1);
	ck_assert_uint_eq(info.flags, 0);
	ck_assert_uint_eq(info.module_count, 0);
}
END_TEST

START_TEST(the_memory_map_is_where_the_start_info_says)
{
	struct pvh_memmap_entry expected[MEMORY_MAP_ENTRIES_MAX];
	unsigned count = memory_map_build(5 * GIB, expected, MEMORY_MAP_ENTRIES_MAX);
	struct pvh_start_info info = write_info(5 * GIB, "");

	ck_assert_uint_eq(info.memmap_count, count);
	ck_assert_mem_eq(ram + info.memmap_paddr, expected, count * sizeof(expected[0]));
}
END_TEST

START_TEST(the_command_line_is_passed)
{
	struct pvh_start_info info = write_info(MEMORY_SIZE, "seed=1 cpus=2");

	ck_assert_str_eq((char *)ram + info.cmdline_paddr, "seed=1 cpus=2");
}
END_TEST

START_TEST(no_command_line_is_address_0)
{
	ck_assert_uint_eq(write_info(MEMORY_SIZE, NULL).cmdline_paddr, 0);
}
END_TEST

START_TEST(the_acpi_tables_lie_in_reserved_memory)
{
	struct pvh_start_info info = write_info(MEMORY_SIZE, "");

	ck_assert_uint_ge(info.rsdp_paddr, PC_LOW_MEMORY_END);
	ck_assert_uint_lt(info.rsdp_paddr, PC_HOLE_END);
	ck_assert_mem_eq(ram + info.rsdp_paddr, ACPI_RSDP_SIGNATURE, 8);
}
END_TEST

START_TEST(the_longest_command_line_leaves_the_trampoline_alone)
{
	char cmdline[COMMAND_LINE_SIZE];

	memset(cmdline, 'x', sizeof(cmdline) - 1);
	cmdline[sizeof(cmdline) - 1] = '\0';
	ck_assert_str_eq((char *)ram + write_info(MEMORY_SIZE, cmdline).cmdline_paddr, cmdline);
	ck_assert(untouched(AP_TRAMPOLINE, BOOT_ACPI_TABLES));
	ck_assert(untouched(PC_HOLE_END, RAM_SIZE));
}
END_TEST

START_TEST(a_longer_command_line_is_refused)
{
	char cmdline[COMMAND_LINE_SIZE + 1];

	memset(cmdline, 'x', sizeof(cmdline) - 1);
	cmdline[sizeof(cmdline) - 1] = '\0';
	assert_refused(MEMORY_SIZE, cmdline, 1, -E2BIG);
}
END_TEST

START_TEST(processor_counts_out_of_range_are_refused)
{
	assert_refused(MEMORY_SIZE, "", 0, -EINVAL);
	assert_refused(MEMORY_SIZE, "", MAX_CPUS + 1, -EINVAL);
}
END_TEST

START_TEST(memory_sizes_out_of_range_are_refused)
{
	assert_refused(0, "", 1, -EINVAL);
	assert_refused(MIB, "", 1, -EINVAL);
	assert_refused(2 * MIB + 1, "", 1, -EINVAL);
	assert_refused(-PAGE_SIZE, "", 1, -EINVAL);
}
END_TEST

START_TEST(a_guest_without_its_first_mib_is_refused)
{
	map.regions[0].size = MIB - PAGE_SIZE;
	assert_refused(MEMORY_SIZE, "", 1, -EFAULT);
}
END_TEST

/* a ck_assert always writes: too slow for the fuzzer */
static uint64_t usable_between(uint64_t memory_size, uint64_t start, uint64_t end)
{
	struct pvh_memmap_entry entries[MEMORY_MAP_ENTRIES_MAX];
	unsigned count = memory_map_build(memory_size, entries, MEMORY_MAP_ENTRIES_MAX);
	uint64_t total = 0;

	ck_assert_uint_gt(count, 0);
	for (unsigned i = 0; i < count; i++)
		if (entries[i].type == E820_USABLE && entries[i].addr >= start &&
		    entries[i].addr + entries[i].size <= end)
			total += entries[i].size;
	return total;
}

static const uint64_t sizes[] = {
	MIB + PAGE_SIZE,         64 * MIB,  LOW_RAM_MAX - PAGE_SIZE, LOW_RAM_MAX,
	LOW_RAM_MAX + PAGE_SIZE, 512 * GIB,
};

START_TEST(all_memory_but_the_hole_of_a_pc_is_usable)
{
	uint64_t hole = PC_HOLE_END - PC_LOW_MEMORY_END;

	ck_assert_uint_eq(usable_between(sizes[_i], 0, UINT64_MAX), sizes[_i] - hole);
}
END_TEST

START_TEST(memory_past_the_low_part_lies_above_4_gib)
{
	uint64_t high = sizes[_i] > LOW_RAM_MAX ? sizes[_i] - LOW_RAM_MAX : 0;

	ck_assert_uint_eq(usable_between(sizes[_i], HIGH_RAM_BASE, HIGH_RAM_BASE + high), high);
	ck_assert_uint_eq(usable_between(sizes[_i], LOW_RAM_MAX, HIGH_RAM_BASE), 0);
}
END_TEST

START_TEST(entries_are_sorted_disjoint_and_not_empty)
{
	struct pvh_memmap_entry entries[MEMORY_MAP_ENTRIES_MAX];
	unsigned count = memory_map_build(sizes[_i], entries, MEMORY_MAP_ENTRIES_MAX);
	uint64_t end = 0;

	for (unsigned i = 0; i < count; i++) {
		ck_assert_uint_ge(entries[i].addr, end);
		ck_assert_uint_gt(entries[i].size, 0);
		end = entries[i].addr + entries[i].size;
	}
}
END_TEST

/* Whether the map reserves the page at an address. */
static bool is_reserved(uint64_t address)
{
	struct pvh_memmap_entry entries[MEMORY_MAP_ENTRIES_MAX];
	unsigned count = memory_map_build(MEMORY_SIZE, entries, MEMORY_MAP_ENTRIES_MAX);

	for (unsigned i = 0; i < count; i++)
		if (entries[i].type == E820_RESERVED && entries[i].addr <= address &&
		    address + PAGE_SIZE <= entries[i].addr + entries[i].size)
			return true;
	return false;
}

START_TEST(interrupt_controllers_and_acpi_tables_are_reserved)
{
	ck_assert(is_reserved(BOOT_ACPI_TABLES));
	ck_assert(is_reserved(IOAPIC_BASE));
	ck_assert(is_reserved(LAPIC_BASE));
}
END_TEST

START_TEST(a_table_without_room_is_refused)
{
	struct pvh_memmap_entry entries[MEMORY_MAP_ENTRIES_MAX];

	ck_assert_uint_eq(memory_map_build(5 * GIB, entries, MEMORY_MAP_ENTRIES_MAX - 1), 0);
}
END_TEST

Suite *start_info_suite(void)
{
	Suite *suite = suite_create("start_info");
	TCase *written = tcase_create("written");
	TCase *mapped = tcase_create("memory map");
	int count = sizeof(sizes) / sizeof(sizes[0]);

	tcase_add_checked_fixture(written, setup, teardown);
	tcase_add_test(written, the_start_info_is_version_1);
	tcase_add_test(written, the_memory_map_is_where_the_start_info_says);
	tcase_add_test(written, the_command_line_is_passed);
	tcase_add_test(written, no_command_line_is_address_0);
	tcase_add_test(written, the_acpi_tables_lie_in_reserved_memory);
	tcase_add_test(written, the_longest_command_line_leaves_the_trampoline_alone);
	tcase_add_test(written, a_longer_command_line_is_refused);
	tcase_add_test(written, processor_counts_out_of_range_are_refused);
	tcase_add_test(written, memory_sizes_out_of_range_are_refused);
	tcase_add_test(written, a_guest_without_its_first_mib_is_refused);
	suite_add_tcase(suite, written);

	tcase_add_loop_test(mapped, all_memory_but_the_hole_of_a_pc_is_usable, 0, count);
	tcase_add_loop_test(mapped, memory_past_the_low_part_lies_above_4_gib, 0, count);
	tcase_add_loop_test(mapped, entries_are_sorted_disjoint_and_not_empty, 0, count);
	tcase_add_test(mapped, interrupt_controllers_and_acpi_tables_are_reserved);
	tcase_add_test(mapped, a_table_without_room_is_refused);
	suite_add_tcase(suite, mapped);
	return suite;
}
