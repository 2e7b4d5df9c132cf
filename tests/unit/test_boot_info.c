/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of guest/boot/boot_info.h: what it takes from a loader's start info, over the host's "physical memory". The
 * kernel's panic is an exit status here.
 */
#include "unit/suites.h"

#include <stdlib.h>
#include <string.h>

#include <pagemeta_platform.h>

#include "guest/boot/boot_info.h"
#include "guest/lib/console.h"
#include "guest/panic.h"
#include "unit/fixture.h"

#define MEMORY_SIZE (64 * PAGE_SIZE)
#define START_PA    PAGE_SIZE
#define LINE_PA     (2 * PAGE_SIZE)
#define MAP_PA      (4 * PAGE_SIZE + 8)

#define STATUS_PANIC 0x50

static struct pvh_start_info *start;
static struct pvh_memmap_entry *map;

_Noreturn void panic(const char *format, ...)
{
	(void)format;
	exit(STATUS_PANIC);
}

_Noreturn void guest_exit(uint8_t status)
{
	exit(status);
}

void kprintf(const char *format, ...)
{
	(void)format;
}

void kvprintf(const char *format, va_list args)
{
	(void)format;
	(void)args;
}

static void set_map(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		map[i] = (struct pvh_memmap_entry){.addr = i * PAGE_SIZE + 1,
						   .size = UINT64_MAX - i,
						   .type = i,
						   .reserved = ~i};
	start->memmap_count = count;
}

static void setup(void)
{
	ck_assert(host_memory_create(MEMORY_SIZE));
	start = platform_phys_to_virt(paddr(START_PA));
	map = platform_phys_to_virt(paddr(MAP_PA));
	*start = (struct pvh_start_info){
		.magic = PVH_START_INFO_MAGIC,
		.version = PVH_START_INFO_VERSION,
		.memmap_paddr = MAP_PA,
		.cmdline_paddr = LINE_PA,
	};
	set_map(1);
	memset(&boot_info, 0, sizeof(boot_info));
}

static void teardown(void)
{
	host_memory_destroy();
}

static const unsigned counts[] = {1, 64, 65, 512, 600, INFO_REGIONS_MAX};

START_TEST(a_map_is_kept_whole_and_as_it_was_given)
{
	set_map(counts[_i]);
	boot_info_read(START_PA);
	ck_assert_uint_eq(boot_info.region_count, counts[_i]);
	for (unsigned i = 0; i < counts[_i]; i++) {
		ck_assert_uint_eq(boot_info.regions[i].addr, map[i].addr);
		ck_assert_uint_eq(boot_info.regions[i].size, map[i].size);
		ck_assert_uint_eq(boot_info.regions[i].type, map[i].type);
		ck_assert_uint_eq(boot_info.regions[i].reserved, 0);
	}
}
END_TEST

START_TEST(a_map_outside_of_mapped_memory_is_a_panic)
{
	start->memmap_paddr = 0xfffffff0;
	boot_info_read(START_PA);
}
END_TEST

START_TEST(no_map_is_a_panic)
{
	set_map(0);
	boot_info_read(START_PA);
}
END_TEST

START_TEST(options_are_words)
{
	strcpy(platform_phys_to_virt(paddr(LINE_PA)), " xring=1 ring=3  ops=12 name=churn last=");
	boot_info_read(START_PA);
	ck_assert_uint_eq(boot_option_number(OPTION_RING, 7), 3);
	ck_assert_uint_eq(boot_option_number(OPTION_OPERATIONS, 7), 12);
	ck_assert_uint_eq(boot_option_number(OPTION_SEED, 7), 7);
	ck_assert(boot_option_is(boot_option("name"), "churn"));
	ck_assert(!boot_option_is(boot_option("name"), "chur"));
	ck_assert_str_eq(boot_option("last"), "");
	ck_assert_ptr_null(boot_option("nam"));
}
END_TEST

Suite *boot_info_suite(void)
{
	Suite *suite = suite_create("boot_info");
	TCase *tcase = tcase_create("boot_info");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_map_is_kept_whole_and_as_it_was_given, 0,
			    sizeof(counts) / sizeof(counts[0]));
	if (can_fork()) {
		tcase_add_exit_test(tcase, a_map_outside_of_mapped_memory_is_a_panic, STATUS_PANIC);
		tcase_add_exit_test(tcase, no_map_is_a_panic, STATUS_PANIC);
	}
	tcase_add_test(tcase, options_are_words);
	suite_add_tcase(suite, tcase);
	return suite;
}
