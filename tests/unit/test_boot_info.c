/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of guest/boot/boot_info.h: what it takes from a loader's start info, over the host's "physical memory". The
 * kernel's panic is an exit status here.
 */
#include "unit/suites.h"

#include <stdlib.h>
#include <string.h>

#include <pagevisor/ports.h>

#include <pagemeta_platform.h>

#include "guest/boot/boot_info.h"
#include "guest/boot/option.h"
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
	ck_assert(boot_option_is(boot_option(OPTION_RING), "3"));
	ck_assert(boot_option_is(boot_option(OPTION_OPERATIONS), "12"));
	ck_assert_ptr_null(boot_option(OPTION_SEED));
	ck_assert(boot_option_is(boot_option("name"), "churn"));
	ck_assert(!boot_option_is(boot_option("name"), "chur"));
	ck_assert_str_eq(boot_option("last"), "");
	ck_assert_ptr_null(boot_option("nam"));
}
END_TEST

OPTION(size, .name = "size", .value = OPTION_TAKES_NUMBER, .min = 4, .max = 64, .fallback = 16,
       .flags = OPTION_POWER_OF_TWO | OPTION_OR_ZERO);
OPTION(any, .name = "any", .value = OPTION_TAKES_NUMBER, .max = UINT64_MAX, .fallback = 7);
OPTION(colour, .name = "colour", .value = OPTION_TAKES_WORD, .word = "red");
OPTION(shape, .name = "shape", .value = OPTION_TAKES_WORD);
OPTION_WORD_OF(colour, red, "a colour");
OPTION_WORD_OF(colour, green, "another");
OPTION_WORD_OF(shape, round, "a shape");

/* The kernel reads its line once, over zeroes. */
static void set_line(const char *line)
{
	memset(boot_info.command_line, 0, sizeof(boot_info.command_line));
	strcpy(platform_phys_to_virt(paddr(LINE_PA)), line);
	boot_info_read(START_PA);
}

START_TEST(options_are_parsed_by_their_declaration)
{
	set_line("");
	ck_assert_uint_eq(option_take_number(&option_size), 16);
	ck_assert_uint_eq(option_take_number(&option_any), 7);
	ck_assert_ptr_eq(option_take_word(&option_colour), &word_colour_red);
	ck_assert_ptr_null(option_take_word(&option_shape));
	set_line("size=64 any=18446744073709551615 colour=green shape=round");
	ck_assert_uint_eq(option_take_number(&option_size), 64);
	ck_assert_uint_eq(option_take_number(&option_any), UINT64_MAX);
	ck_assert_ptr_eq(option_take_word(&option_colour), &word_colour_green);
	ck_assert_ptr_eq(option_take_word(&option_shape), &word_shape_round);
	set_line("size=0");
	ck_assert_uint_eq(option_take_number(&option_size), 0);
}
END_TEST

static const char *const wrong_lines[] = {
	"size=2",      "size=128",      "size=12", "size=",
	"size=4x",     "size=-4",       "any=0x1", "any=18446744073709551616",
	"colour=gree", "colour=greens", "colour=", "colour=round",
	"shape=red",
};

START_TEST(other_values_end_the_guest)
{
	set_line(wrong_lines[_i]);
	option_take_number(&option_size);
	option_take_number(&option_any);
	option_take_word(&option_colour);
	option_take_word(&option_shape);
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
	tcase_add_test(tcase, options_are_parsed_by_their_declaration);
	if (can_fork())
		tcase_add_loop_exit_test(tcase, other_values_end_the_guest, GUEST_EXIT_USAGE, 0,
					 sizeof(wrong_lines) / sizeof(wrong_lines[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
