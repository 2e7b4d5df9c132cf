/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/vmcoreinfo.h: what the text of Linux kernels says, and what no kernel writes. */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kind/linux/vmcoreinfo.h"
#include "unit/crafted_linux.h"

#define SOUND                                                                                      \
	"OSRELEASE=6.1.0-32-cloud-amd64\n"                                                         \
	"BUILD-ID=0123456789abcdefABCDEF987654321001234567\n"                                      \
	"PAGESIZE=4096\n"                                                                          \
	"SYMBOL(init_uts_ns)=ffffffff82e15440\n"                                                   \
	"OFFSET(uts_namespace.name)=0\n"                                                           \
	"SIZE(page)=64\n"                                                                          \
	"LENGTH(mem_section)=2048\n"                                                               \
	"NUMBER(PG_lru)=4\n"                                                                       \
	"NUMBER(phys_base)=-16777216\n"                                                            \
	"NUMBER(VMALLOC_START)=0xffffa57d80000000\n"                                               \
	"NUMBER(least)=-9223372036854775808\n"                                                     \
	"KERNELOFFSET=1c000000\n"

static struct vmcoreinfo info;
static struct error err;

/* Parses a page that begins with the text. */
static int parse(const char *text)
{
	char page[VMCOREINFO_SIZE] = {0};

	memcpy(page, text, strlen(text));
	err.text[0] = '\0';
	return vmcoreinfo_parse(page, sizeof(page), &info, &err);
}

static void assert_refused(const char *text)
{
	ck_assert_int_eq(parse(text), -EPROTO);
	ck_assert_str_ne(err.text, "");
}

START_TEST(its_lines_are_found)
{
	uint64_t value;
	int64_t number;

	ck_assert_int_eq(parse(SOUND), 0);
	ck_assert_str_eq(info.release, "6.1.0-32-cloud-amd64");
	ck_assert_uint_eq(info.build_id_size, 20);
	ck_assert_mem_eq(info.build_id, "\x01\x23\x45\x67\x89\xab\xcd\xef\xab\xcd\xef\x98", 12);
	ck_assert_uint_eq(info.length, strlen(SOUND));
	ck_assert(vmcoreinfo_symbol(&info, "init_uts_ns", &value));
	ck_assert_uint_eq(value, UINT64_C(0xffffffff82e15440));
	ck_assert(vmcoreinfo_offset(&info, "uts_namespace.name", &value));
	ck_assert_uint_eq(value, 0);
	ck_assert(vmcoreinfo_size(&info, "page", &value));
	ck_assert_uint_eq(value, 64);
	ck_assert(vmcoreinfo_length(&info, "mem_section", &value));
	ck_assert_uint_eq(value, 2048);
	ck_assert(vmcoreinfo_number(&info, "PG_lru", &number));
	ck_assert_int_eq(number, 4);
	ck_assert_uint_eq(vmcoreinfo_kernel_offset(&info), 0x1c000000);
}
END_TEST

START_TEST(numbers_may_be_negative_or_addresses)
{
	int64_t number;

	ck_assert_int_eq(parse(SOUND), 0);
	ck_assert(vmcoreinfo_number(&info, "phys_base", &number));
	ck_assert_int_eq(number, -16777216);
	ck_assert(vmcoreinfo_number(&info, "least", &number));
	ck_assert_int_eq(number, INT64_MIN);
	ck_assert(vmcoreinfo_number(&info, "VMALLOC_START", &number));
	ck_assert_uint_eq((uint64_t)number, UINT64_C(0xffffa57d80000000));
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	uint64_t value;
	int64_t number;

	ck_assert_int_eq(parse(SOUND), 0);
	ck_assert(!vmcoreinfo_symbol(&info, "init_uts", &value));
	ck_assert(!vmcoreinfo_symbol(&info, "init_uts_nsx", &value));
	ck_assert(!vmcoreinfo_symbol(&info, "page", &value));
	ck_assert(!vmcoreinfo_size(&info, "", &value));
	ck_assert(!vmcoreinfo_number(&info, "PG_lru)=4\nNUMBER(phys_base", &number));
	ck_assert_int_eq(parse("OSRELEASE=6"), 0);
	ck_assert(!vmcoreinfo_size(&info, "page", &value));
	ck_assert_uint_eq(vmcoreinfo_kernel_offset(&info), 0);
	ck_assert_uint_eq(info.build_id_size, 0);
}
END_TEST

START_TEST(values_that_are_no_numbers_are_none)
{
	static const char *const bad[] = {
		"",
		"-",
		"x",
		"4x",
		"0x",
		"--4",
		"4 ",
		" 4",
		"9223372036854775808",
		"-9223372036854775809",
		"99999999999999999999",
		"0x10000000000000000",
	};
	char text[200];
	int64_t number;
	uint64_t value;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "OSRELEASE=6\nNUMBER(n)=%s\n", bad[i]);
		ck_assert_int_eq(parse(text), 0);
		ck_assert_msg(!vmcoreinfo_number(&info, "n", &number), "%s", bad[i]);
	}
	ck_assert_int_eq(parse("OSRELEASE=6\nSYMBOL(s)=ffffffffffffffff0\nSIZE(s)=-1\n"), 0);
	ck_assert(!vmcoreinfo_symbol(&info, "s", &value));
	ck_assert(!vmcoreinfo_size(&info, "s", &value));
}
END_TEST

START_TEST(the_first_line_of_a_key_counts)
{
	uint64_t value;

	ck_assert_int_eq(parse("OSRELEASE=6\nSIZE(page)=64\nSIZE(page)=80\n"), 0);
	ck_assert(vmcoreinfo_size(&info, "page", &value));
	ck_assert_uint_eq(value, 64);
}
END_TEST

START_TEST(what_no_kernel_writes_is_refused)
{
	assert_refused("");
	assert_refused("OSRELEASE");
	assert_refused("OSRELEASE=");
	assert_refused("OSRELEASE=\nPAGESIZE=4096\n");
	assert_refused("PAGESIZE=4096\nOSRELEASE=6\n");
	assert_refused("OSRELEASE=6\nPAGESIZE=65536\n");
	assert_refused("OSRELEASE=6\nPAGESIZE=\n");
	assert_refused("OSRELEASE=6\nA=\x1b[2J\n");
	assert_refused("OSRELEASE=6\nA=\xc3\xa4\n");
	assert_refused("OSRELEASE=6\nBUILD-ID=123\n");
	assert_refused("OSRELEASE=6\nBUILD-ID=0g\n");
	assert_refused("OSRELEASE=6\nBUILD-ID=000000000000000000000000000000000000000000\n");
	assert_refused(
		"OSRELEASE=12345678901234567890123456789012345678901234567890123456789012345");
	ck_assert_int_eq(
		parse("OSRELEASE=1234567890123456789012345678901234567890123456789012345678901234"),
		0);
}
END_TEST

START_TEST(a_text_may_fill_its_page)
{
	char page[VMCOREINFO_SIZE + 1];
	uint64_t value;

	memset(page, '\n', sizeof(page));
	memcpy(page, "OSRELEASE=6", 11);
	memcpy(page + VMCOREINFO_SIZE - 10, "SIZE(a)=123", 11);
	ck_assert_int_eq(vmcoreinfo_parse(page, sizeof(page), &info, &err), 0);
	ck_assert_uint_eq(info.length, VMCOREINFO_SIZE);
	ck_assert(vmcoreinfo_size(&info, "a", &value));
	ck_assert_uint_eq(value, 12);
	/* Of a part, nothing behind its end counts. */
	ck_assert_int_eq(vmcoreinfo_parse(page, 9, &info, &err), -EPROTO);
	ck_assert_int_eq(vmcoreinfo_parse(page, 11, &info, &err), 0);
	ck_assert_str_eq(info.text, "OSRELEASE=6");
}
END_TEST

static struct crafted_linux machine;
static struct vmcoreinfo list[4];
static unsigned count;

/* Ends the search with the last that the list has room for. */
static int visit(void *own, const struct vmcoreinfo *found)
{
	const unsigned *max = own;

	list[count++] = *found;
	return count == *max ? 7 : 0;
}

static int search(uint64_t end, unsigned max)
{
	count = 0;
	return vmcoreinfo_search(&machine.memory, end, visit, &max);
}

static void put(uint64_t page, const char *text)
{
	memcpy(machine.ram + page * PAGE_SIZE, text, strlen(text) + 1);
}

START_TEST(all_pages_of_a_memory_are_found)
{
	linux_make(&machine, 4);
	put(3, "OSRELEASE=5\n");
	put(4, "OSRELEASE=\n");
	put(2, "OSRELEASX=7\n");
	memcpy(machine.ram + 6 * PAGE_SIZE + 24, SOUND, sizeof(SOUND)); /* as in a note */
	put(LINUX_RAM / PAGE_SIZE / 2, SOUND);
	ck_assert_int_eq(search(0, 4), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(list[0].at.addr, 3 * PAGE_SIZE);
	ck_assert_str_eq(list[0].release, "5");
	ck_assert_uint_eq(list[1].at.addr, LINUX_RAM / 2);
	ck_assert_str_eq(list[1].text, SOUND);
	ck_assert_int_eq(search(0, 1), 7);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(search(LINUX_RAM / 2, 4), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(vmcoreinfo_read(&machine.memory, paddr(LINUX_RAM / 2), &info, &err), 0);
	ck_assert_uint_eq(info.at.addr, LINUX_RAM / 2);
	ck_assert_int_eq(vmcoreinfo_read(&machine.memory, paddr(0), &info, &err), -EPROTO);
	ck_assert_int_eq(vmcoreinfo_read(&machine.memory, paddr(LINUX_RAM), &info, &err), -EFAULT);
	linux_free(&machine);
}
END_TEST

Suite *linux_vmcoreinfo_suite(void)
{
	Suite *suite = suite_create("linux_vmcoreinfo");
	TCase *tcase = tcase_create("linux_vmcoreinfo");

	tcase_add_test(tcase, its_lines_are_found);
	tcase_add_test(tcase, numbers_may_be_negative_or_addresses);
	tcase_add_test(tcase, what_is_not_there_is_not_found);
	tcase_add_test(tcase, values_that_are_no_numbers_are_none);
	tcase_add_test(tcase, the_first_line_of_a_key_counts);
	tcase_add_test(tcase, what_no_kernel_writes_is_refused);
	tcase_add_test(tcase, a_text_may_fill_its_page);
	tcase_add_test(tcase, all_pages_of_a_memory_are_found);
	suite_add_tcase(suite, tcase);
	return suite;
}
