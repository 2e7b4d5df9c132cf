/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/sections.h: arrays of struct pages as kernels have them, and as no kernel has. */
#include "unit/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "kind/linux/page_layout.h"
#include "kind/linux/sections.h"
#include "unit/crafted_linux.h"

#define VMEMMAP      UINT64_C(0xffffea0000000000)
#define TABLE_VA     (LINUX_MAP_BASE + 0x1000000)
#define TABLE_PA     UINT64_C(0x10000) /* the pointers to roots, and the first root behind them */
#define ROOT_VA      (TABLE_VA + PAGE_SIZE)
#define RECORDS_PA   UINT64_C(0x100000)
#define BITS         24 /* 16 MiB a section, the least */
#define FRAMES       ((UINT64_C(1) << BITS) / PAGE_SIZE)
#define PAGES        (FRAMES * LAYOUT_PAGE_SIZE / PAGE_SIZE) /* of records in a section */
#define SECTION_SIZE 16
#define ONLINE       UINT64_C(7)

static struct crafted_linux crafted;
static struct page_array array;
static struct error err;

static void setup(void)
{
	linux_make(&crafted, 4);
	linux_map(&crafted, &crafted.space, TABLE_VA, TABLE_PA, 2, 0);
	memcpy(crafted.ram + TABLE_PA, &(uint64_t){ROOT_VA}, 8);
}

static void teardown(void)
{
	linux_free(&crafted);
}

static void put_section(unsigned section, uint64_t map)
{
	memcpy(crafted.ram + TABLE_PA + PAGE_SIZE + (uint64_t)section * SECTION_SIZE, &map, 8);
}

static void map_records(uint64_t first, uint64_t pa, uint64_t pages)
{
	linux_map(&crafted, &crafted.space, VMEMMAP + first * LAYOUT_PAGE_SIZE, pa, pages, 0);
}

static void add_section(unsigned section, uint64_t pa)
{
	put_section(section, VMEMMAP | ONLINE);
	map_records(section * FRAMES, pa, PAGES);
}

static int read_with(const char *length, int bits, int size, int offset)
{
	char page[VMCOREINFO_SIZE] = "";
	struct vmcoreinfo info;

	snprintf(page, sizeof(page),
		 "OSRELEASE=6.1.0-test\nSYMBOL(mem_section)=%" PRIx64
		 "\nLENGTH(mem_section)=%s\nSIZE(mem_section)=%d\n"
		 "OFFSET(mem_section.section_mem_map)=%d\nNUMBER(SECTION_SIZE_BITS)=%d\n",
		 TABLE_VA, length, size, offset, bits);
	ck_assert_int_eq(vmcoreinfo_parse(page, sizeof(page), &info, &err), 0);
	err.text[0] = '\0';
	return page_array_read(&crafted.space, &info, &array, &err);
}

static int read_array(void)
{
	return read_with("2", BITS, SECTION_SIZE, 0);
}

static void assert_refused(int result, int expected, const char *why)
{
	ck_assert_int_eq(result, expected);
	ck_assert_msg(strstr(err.text, why), "%s; expected %s", err.text, why);
}

static void assert_run(unsigned i, uint64_t first, uint64_t count, uint64_t pa)
{
	ck_assert_uint_gt(array.run_count, i);
	ck_assert_uint_eq(array.runs[i].first.index, first);
	ck_assert_uint_eq(array.runs[i].count, count);
	ck_assert_uint_eq(array.runs[i].pa.addr, pa);
}

START_TEST(sections_that_lie_in_a_row_are_one_run)
{
	add_section(0, RECORDS_PA);
	add_section(1, RECORDS_PA + PAGES * PAGE_SIZE);
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.vmemmap, VMEMMAP);
	ck_assert_uint_eq(array.section_frames, FRAMES);
	ck_assert_uint_eq(array.frame_count, 2 * FRAMES);
	ck_assert_uint_eq(array.present, 2 * FRAMES);
	ck_assert_uint_eq(array.run_count, 1);
	assert_run(0, 0, 2 * FRAMES, RECORDS_PA);
}
END_TEST

START_TEST(sections_that_are_not_there_leave_a_gap)
{
	add_section(1, RECORDS_PA + 0x400000);
	add_section(4, RECORDS_PA);
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.run_count, 2);
	assert_run(0, FRAMES, FRAMES, RECORDS_PA + 0x400000);
	assert_run(1, 4 * FRAMES, FRAMES, RECORDS_PA);
	ck_assert_uint_eq(array.frame_count, 5 * FRAMES);
	ck_assert_uint_eq(array.present, 2 * FRAMES);
}
END_TEST

/* Their records hold poison. */
START_TEST(sections_that_are_offline_do_not_count)
{
	add_section(0, RECORDS_PA);
	add_section(1, RECORDS_PA + PAGES * PAGE_SIZE);
	for (uint64_t bits = 0; bits < ONLINE; bits++) {
		put_section(1, VMEMMAP | bits);
		ck_assert_int_eq(read_array(), 0);
		ck_assert_uint_eq(array.present, FRAMES);
		ck_assert_uint_eq(array.frame_count, FRAMES);
	}
	/* What else Linux keeps in the low bits does not matter. */
	put_section(1, VMEMMAP | 0x7f);
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.present, 2 * FRAMES);
}
END_TEST

START_TEST(a_section_of_the_second_root)
{
	const unsigned section = PAGE_SIZE / SECTION_SIZE;

	memcpy(crafted.ram + TABLE_PA, &(uint64_t){0}, 8);
	memcpy(crafted.ram + TABLE_PA + 8, &(uint64_t){ROOT_VA}, 8);
	put_section(0, VMEMMAP | ONLINE);
	map_records(section * FRAMES, RECORDS_PA, PAGES);
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.run_count, 1);
	assert_run(0, section * FRAMES, FRAMES, RECORDS_PA);
}
END_TEST

START_TEST(records_that_are_not_mapped_are_left_out)
{
	const uint64_t in_page = PAGE_SIZE / LAYOUT_PAGE_SIZE;

	add_section(0, RECORDS_PA);
	*linux_entry(&crafted, &crafted.space, VMEMMAP + 3 * PAGE_SIZE, 0) = 0;
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.run_count, 2);
	assert_run(0, 0, 3 * in_page, RECORDS_PA);
	assert_run(1, 4 * in_page, FRAMES - 4 * in_page, RECORDS_PA + 4 * PAGE_SIZE);
	ck_assert_uint_eq(array.present, FRAMES - in_page);
}
END_TEST

START_TEST(records_outside_of_the_memory_are_left_out)
{
	add_section(0, RECORDS_PA);
	map_records(FRAMES / 2, LINUX_RAM, PAGES / 2);
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.run_count, 1);
	assert_run(0, 0, FRAMES / 2, RECORDS_PA);
	map_records(0, UINT64_C(1) << 50, PAGES);
	assert_refused(read_array(), -EPROTO, "no struct pages");
}
END_TEST

START_TEST(a_kernel_without_sections)
{
	assert_refused(read_array(), -EPROTO, "no struct pages");
	assert_refused(read_with("0", BITS, SECTION_SIZE, 0), -EPROTO, "no struct pages");
}
END_TEST

START_TEST(sections_that_contradict_each_other)
{
	add_section(0, RECORDS_PA);
	add_section(1, RECORDS_PA + PAGES * PAGE_SIZE);
	put_section(1, (VMEMMAP + 0x1000) | ONLINE);
	assert_refused(read_array(), -EPROTO, "section 1 has no struct pages");
	put_section(0, UINT64_C(0x7fff00000000) | ONLINE);
	assert_refused(read_array(), -EPROTO, "section 0 has no struct pages");
	put_section(0, UINT64_C(0x8000ea0000000000) | ONLINE);
	assert_refused(read_array(), -EPROTO, "section 0 has no struct pages");
}
END_TEST

/* Each page of records lies below the one before. */
START_TEST(records_in_too_many_pieces)
{
	const uint64_t most = RECORD_RUNS_MAX, sections = (most + PAGES - 1) / PAGES;

	for (unsigned i = 0; i < sections; i++)
		put_section(i, VMEMMAP | ONLINE);
	for (uint64_t i = 0; i < most; i++)
		map_records(i * PAGE_SIZE / LAYOUT_PAGE_SIZE, RECORDS_PA + (most - i) * PAGE_SIZE,
			    1);
	ck_assert_int_eq(read_array(), 0);
	ck_assert_uint_eq(array.run_count, most);
	put_section((unsigned)sections, VMEMMAP | ONLINE);
	map_records(sections * FRAMES, RECORDS_PA, 1);
	assert_refused(read_array(), -E2BIG, "pieces");
}
END_TEST

START_TEST(a_vmcoreinfo_that_cannot_be)
{
	static const int bits[] = {0, 23, 33, -24, 64}, sizes[] = {0, 7, 65};

	add_section(0, RECORDS_PA);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		assert_refused(read_with("2", bits[i], SECTION_SIZE, 0), -EPROTO, "impossible");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_refused(read_with("2", BITS, sizes[i], 0), -EPROTO, "impossible");
	assert_refused(read_with("2", BITS, SECTION_SIZE, 9), -EPROTO, "impossible");
	assert_refused(read_with("x", BITS, SECTION_SIZE, 0), -EPROTO, "does not say");
	ck_assert_int_eq(read_with("2", BITS, SECTION_SIZE, 8), -EPROTO);
	ck_assert_int_eq(read_with("1", BITS, SECTION_SIZE, 0), 0);
}
END_TEST

START_TEST(tables_that_are_not_mapped)
{
	add_section(0, RECORDS_PA);
	*linux_entry(&crafted, &crafted.space, ROOT_VA, 0) = 0;
	assert_refused(read_array(), -EPROTO, "sections are not mapped");
	memcpy(crafted.ram + TABLE_PA, &(uint64_t){0}, 8);
	/* No more of it is read than a guest can have RAM for. */
	assert_refused(read_with("18446744073709551615", BITS, SECTION_SIZE, 0), -EPROTO,
		       "no struct pages");
	*linux_entry(&crafted, &crafted.space, TABLE_VA, 0) = 0;
	assert_refused(read_array(), -EPROTO, "table of sections is not mapped");
}
END_TEST

Suite *linux_sections_suite(void)
{
	Suite *suite = suite_create("linux_sections");
	TCase *tcase = tcase_create("linux_sections");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, sections_that_lie_in_a_row_are_one_run);
	tcase_add_test(tcase, sections_that_are_not_there_leave_a_gap);
	tcase_add_test(tcase, sections_that_are_offline_do_not_count);
	tcase_add_test(tcase, a_section_of_the_second_root);
	tcase_add_test(tcase, records_that_are_not_mapped_are_left_out);
	tcase_add_test(tcase, records_outside_of_the_memory_are_left_out);
	tcase_add_test(tcase, a_kernel_without_sections);
	tcase_add_test(tcase, sections_that_contradict_each_other);
	tcase_add_test(tcase, records_in_too_many_pieces);
	tcase_add_test(tcase, a_vmcoreinfo_that_cannot_be);
	tcase_add_test(tcase, tables_that_are_not_mapped);
	suite_add_tcase(suite, tcase);
	return suite;
}
