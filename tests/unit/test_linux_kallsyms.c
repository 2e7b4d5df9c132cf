/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/linux/kallsyms.h and kernel_image.h: tables of each order and encoding, found with and without
 * VMCOREINFO, and broken ones.
 */
#include "unit/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "kind/linux/kallsyms.h"
#include "unit/crafted_kallsyms.h"
#include "unit/crafted_linux.h"
#include "unit/fixture.h"

#define IMAGE_VA   (LINUX_MAP_BASE + 0x1000000)
#define IMAGE_SIZE 0x20000
#define TABLES_AT  0x2008
#define COUNT      600
#define PERCPU     3 /* symbols at the start of the list that are absolute where there are such */

static uint8_t bytes[IMAGE_SIZE];
static struct kernel_image image = {IMAGE_VA, IMAGE_SIZE, bytes};
static char names[COUNT][KALLSYMS_NAME_MAX + 8], text[VMCOREINFO_SIZE];
static struct crafted_symbol symbols[COUNT];
static struct crafted_kallsyms wanted;
static struct crafted_places places;
static struct vmcoreinfo info;
static struct kallsyms table;
static struct error err;

/* One symbol each 16 bytes; three names have a place of their own. */
static void fill_symbols(bool has_percpu)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "tsym_%u", i);
		symbols[i] = (struct crafted_symbol){names[i], IMAGE_VA + (i - PERCPU) * 16};
	}
	for (uint32_t i = 0; i < PERCPU; i++)
		symbols[i].va = has_percpu ? 0x1000 * i : IMAGE_VA;
	strcpy(names[PERCPU], "T_stext");
	strcpy(names[300], "Tinit_task");
	strcpy(names[COUNT - 1], "Djiffies_64");
}

static void read_text(bool is_named)
{
	snprintf(text, sizeof(text), "OSRELEASE=6\nSYMBOL(_stext)=%" PRIx64 "\n", IMAGE_VA);
	if (is_named)
		kallsyms_name_places(text, sizeof(text), &image, &wanted, &places);
	ck_assert_int_eq(vmcoreinfo_parse(text, sizeof(text), &info, &err), 0);
}

static void craft(enum crafted_order order, enum kallsyms_addresses addresses, bool is_named)
{
	memset(bytes, 0, sizeof(bytes));
	wanted = (struct crafted_kallsyms){order, addresses, symbols, COUNT};
	places = kallsyms_craft(&image, TABLES_AT, &wanted);
	read_text(is_named);
}

static int open_table(void)
{
	err.text[0] = '\0';
	return kallsyms_open(&image, &info, &table, &err);
}

static void assert_broken(int result)
{
	ck_assert_int_eq(open_table(), result);
	ck_assert_str_ne(err.text, "");
}

static uint64_t find(const char *name)
{
	struct kallsyms_symbol symbol = {.name = name, .va = 1};
	unsigned found = kallsyms_find(&table, &symbol, 1);

	ck_assert_uint_eq(found, symbol.va != 0);
	return symbol.va;
}

/* All is found by name, and by address. */
static void assert_sound(void)
{
	char name[KALLSYMS_NAME_MAX];
	uint64_t offset;

	ck_assert_msg(open_table() == 0, "%s", err.text);
	ck_assert_uint_eq(table.count, COUNT);
	ck_assert_int_eq(table.addresses, wanted.addresses);
	ck_assert_uint_eq(find("_stext"), IMAGE_VA);
	ck_assert_uint_eq(find("init_task"), symbols[300].va);
	ck_assert_uint_eq(find("jiffies_64"), symbols[COUNT - 1].va);
	ck_assert_uint_eq(find("sym_301"), symbols[301].va);
	ck_assert_uint_eq(find("sym_30"), symbols[30].va);
	ck_assert_uint_eq(find("sym_600"), 0);
	ck_assert_uint_eq(find("Djiffies_64"), 0);
	ck_assert_uint_eq(find(""), 0);
	for (uint32_t i = PERCPU + 1; i < COUNT; i++) {
		ck_assert(kallsyms_name_of(&table, symbols[i].va + 7, name, &offset));
		ck_assert_str_eq(name, names[i] + 1);
		ck_assert_uint_eq(offset, 7);
	}
}

START_TEST(tables_are_found_by_vmcoreinfo)
{
	static const struct {
		enum crafted_order order;
		enum kallsyms_addresses addresses;
	} all[] = {
		{ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED},
		{ORDER_OFFSETS_FIRST, KALLSYMS_RELATIVE},
		{ORDER_NAMES_FIRST, KALLSYMS_NEGATED},
		{ORDER_NAMES_FIRST, KALLSYMS_RELATIVE},
		{ORDER_NAMES_FIRST, KALLSYMS_SELF_RELATIVE},
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		fill_symbols(all[i].addresses == KALLSYMS_NEGATED);
		craft(all[i].order, all[i].addresses, true);
		assert_sound();
	}
}
END_TEST

START_TEST(older_tables_are_searched_for)
{
	fill_symbols(true);
	craft(ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED, false);
	assert_sound();
	fill_symbols(false);
	craft(ORDER_OFFSETS_FIRST, KALLSYMS_RELATIVE, false);
	assert_sound();
}
END_TEST

/* One block, two, three: with and without padding behind the markers. */
START_TEST(tables_of_each_number_of_blocks_are_searched_for)
{
	const uint32_t counts[] = {10, 255, 256, 257, 512, 513};

	fill_symbols(false);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		memset(bytes, 0, sizeof(bytes));
		wanted = (struct crafted_kallsyms){ORDER_OFFSETS_FIRST, KALLSYMS_RELATIVE, symbols,
						   counts[i]};
		kallsyms_craft(&image, TABLES_AT, &wanted);
		read_text(false);
		ck_assert_msg(open_table() == 0, "%u: %s", counts[i], err.text);
		ck_assert_uint_eq(table.count, counts[i]);
		ck_assert_uint_eq(find("sym_9"), symbols[9].va);
	}
}
END_TEST

/* What looks like the digits' tokens, but is not, comes first. */
START_TEST(a_search_goes_on_behind_what_is_no_table)
{
	fill_symbols(true);
	craft(ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED, false);
	memcpy(bytes + 0x100, "0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);
	assert_sound();
	memset(bytes + TABLES_AT, 0, places.end - TABLES_AT);
	assert_broken(-ENODATA);
	/* At the very end of the image. */
	memcpy(bytes + IMAGE_SIZE - 20, "0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);
	assert_broken(-ENODATA);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);
	assert_broken(-ENODATA);
}
END_TEST

START_TEST(names_of_128_tokens_or_more_have_two_bytes_of_length)
{
	fill_symbols(false);
	memset(names[200], 'q', KALLSYMS_NAME_MAX); /* the type, and the longest name */
	names[200][KALLSYMS_NAME_MAX] = '\0';
	memset(names[201], 'q', 128);
	names[201][128] = '\0';
	craft(ORDER_NAMES_FIRST, KALLSYMS_RELATIVE, true);
	assert_sound();
	ck_assert(table.has_long_names);
	ck_assert_uint_eq(find(names[200] + 1), symbols[200].va);
	ck_assert_uint_eq(find(names[201] + 1), symbols[201].va);
}
END_TEST

/* A name of 129 tokens in a kernel that has lengths of one byte. */
START_TEST(older_names_have_one_byte_of_length)
{
	size_t at;

	fill_symbols(true);
	memset(names[COUNT - 2], 'q', 128);
	names[COUNT - 2][128] = '\0';
	craft(ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED, true);
	at = places.names;
	for (uint32_t i = 0; i < COUNT - 2; i++)
		at += 1U + bytes[at];
	ck_assert_uint_eq(bytes[at], 0x80);
	ck_assert_uint_eq(bytes[at + 1], 1);
	bytes[at] = 129;
	bytes[at + 1] = 'q';
	memset(names[COUNT - 2], 'q', 129);
	names[COUNT - 2][129] = '\0';
	assert_sound();
	ck_assert(!table.has_long_names);
	ck_assert_uint_eq(find(names[COUNT - 2] + 1), symbols[COUNT - 2].va);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_nobodys)
{
	char name[KALLSYMS_NAME_MAX];
	uint64_t offset;

	fill_symbols(false);
	memset(names[200], 'q', KALLSYMS_NAME_MAX + 1);
	names[200][KALLSYMS_NAME_MAX + 1] = '\0';
	craft(ORDER_NAMES_FIRST, KALLSYMS_RELATIVE, true);
	ck_assert_int_eq(open_table(), 0);
	ck_assert_uint_eq(find(names[200] + 1), 0);
	ck_assert(!kallsyms_name_of(&table, symbols[200].va, name, &offset));
	ck_assert(kallsyms_name_of(&table, symbols[201].va, name, &offset));
}
END_TEST

START_TEST(the_first_of_equal_names_and_of_equal_addresses_counts)
{
	char name[KALLSYMS_NAME_MAX];
	uint64_t offset;

	fill_symbols(false);
	strcpy(names[70], "tsym_80");
	symbols[71].va = symbols[72].va = symbols[73].va;
	craft(ORDER_NAMES_FIRST, KALLSYMS_RELATIVE, true);
	ck_assert_int_eq(open_table(), 0);
	ck_assert_uint_eq(find("sym_80"), symbols[70].va);
	ck_assert(kallsyms_name_of(&table, symbols[73].va, name, &offset));
	ck_assert_str_eq(name, "sym_71");
	ck_assert(!kallsyms_name_of(&table, IMAGE_VA - 1, name, &offset));
	ck_assert(kallsyms_name_of(&table, UINT64_MAX, name, &offset));
	ck_assert_str_eq(name, "jiffies_64");
}
END_TEST

START_TEST(several_names_are_found_in_one_pass)
{
	struct kallsyms_symbol some[] = {{"sym_599", 0},  {"jiffies_64", 0}, {"sym_5", 7},
					 {"sym_5000", 9}, {"_stext", 0},     {"_stext", 0}};

	fill_symbols(false);
	craft(ORDER_NAMES_FIRST, KALLSYMS_SELF_RELATIVE, true);
	ck_assert_int_eq(open_table(), 0);
	ck_assert_uint_eq(kallsyms_find(&table, some, 6), 4);
	ck_assert_uint_eq(some[0].va, 0);
	ck_assert_uint_eq(some[1].va, symbols[COUNT - 1].va);
	ck_assert_uint_eq(some[2].va, symbols[5].va);
	ck_assert_uint_eq(some[3].va, 0);
	ck_assert_uint_eq(some[4].va, IMAGE_VA);
	ck_assert_uint_eq(some[5].va, IMAGE_VA);
	ck_assert_uint_eq(kallsyms_find(&table, some, 0), 0);
}
END_TEST

START_TEST(names_are_made_printable)
{
	char name[KALLSYMS_NAME_MAX];
	uint64_t offset;

	fill_symbols(false);
	strcpy(names[70], "tevil\x1b[2J");
	craft(ORDER_NAMES_FIRST, KALLSYMS_RELATIVE, true);
	ck_assert_int_eq(open_table(), 0);
	ck_assert(kallsyms_name_of(&table, symbols[70].va, name, &offset));
	ck_assert_str_eq(name, "evil?[2J");
}
END_TEST

static void put_u32(size_t at, uint32_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

/* Each of these changes makes sound tables contradict each other. */
START_TEST(contradictions_are_refused)
{
	fill_symbols(true);
	for (unsigned i = 0; i < 10; i++) {
		craft(ORDER_NAMES_FIRST, KALLSYMS_NEGATED, true);
		switch (i) {
		case 0:
			put_u32(places.num_syms, 0);
			break;
		case 1:
			put_u32(places.num_syms, COUNT + 1);
			break;
		case 2:
			put_u32(places.num_syms, UINT32_MAX);
			break;
		case 3:
			bytes[places.names]++;
			break;
		case 4:
			bytes[places.names] = 0;
			break;
		case 5:
			put_u32(places.markers + 4, 1);
			break;
		case 6:
			bytes[places.token_index + 20]++;
			break;
		case 7:
			bytes[places.token_table + 9] = '\0';
			break;
		case 8:
			put_u32(places.offsets + 4 * 20, 0);
			break;
		case 9: /* another place for all */
			bytes[places.relative_base + 2]++;
			break;
		}
		assert_broken(-EPROTO);
	}
}
END_TEST

/* Tables that begin within the image, but do not end there. */
START_TEST(tables_past_the_end_of_the_image_are_refused)
{
	static const char *const lines[] = {"names",       "num_syms", "token_table",
					    "token_index", "offsets",  "relative_base"};
	char key[64], *value;

	fill_symbols(true);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (uint64_t before = 0; before <= 16; before++) {
			craft(ORDER_NAMES_FIRST, KALLSYMS_NEGATED, true);
			memset(bytes + places.end, 0xff, IMAGE_SIZE - places.end);
			snprintf(key, sizeof(key), "SYMBOL(kallsyms_%s)=", lines[i]);
			value = strstr(info.text, key) + strlen(key);
			snprintf(key, sizeof(key), "%016" PRIx64, IMAGE_VA + IMAGE_SIZE - before);
			memcpy(value, key, 16);
			assert_broken(-EPROTO);
		}
}
END_TEST

START_TEST(stext_must_be_where_vmcoreinfo_has_it)
{
	fill_symbols(true);
	strcpy(names[PERCPU], "T_stexx");
	craft(ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED, true);
	assert_broken(-EPROTO);
	craft(ORDER_OFFSETS_FIRST, KALLSYMS_NEGATED, false);
	assert_broken(-EPROTO);
}
END_TEST

/* kernel_image_copy */
static struct crafted_linux crafted;

static void linux_setup(void)
{
	linux_make(&crafted, 4);
	snprintf(text, sizeof(text), "OSRELEASE=6\nSYMBOL(_stext)=%" PRIx64 "\n", IMAGE_VA + 0x40);
	ck_assert_int_eq(vmcoreinfo_parse(text, sizeof(text), &info, &err), 0);
	memset(crafted.ram, 'x', 1 * MIB);
}

static void linux_teardown(void)
{
	linux_free(&crafted);
}

START_TEST(read_only_data_is_copied)
{
	struct kernel_image copy;

	linux_map(&crafted, &crafted.space, IMAGE_VA, 0x3000, 2, 0);
	linux_map(&crafted, &crafted.space, IMAGE_VA + 0x4000, 0x8000, 2, PTE_NO_EXECUTE);
	linux_map(&crafted, &crafted.space, IMAGE_VA + 0x600000, 0x9000, 1,
		  PTE_NO_EXECUTE | PTE_WRITE);
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), 0);
	ck_assert_uint_eq(copy.va, IMAGE_VA);
	ck_assert_uint_eq(copy.size, 0x601000);
	for (size_t i = 0; i < copy.size; i += 0x800)
		ck_assert_uint_eq(copy.bytes[i], i >= 0x4000 && i < 0x6000 ? 'x' : 0);
	ck_assert_ptr_eq(kernel_image_at(&copy, IMAGE_VA + 5, copy.size - 5), copy.bytes + 5);
	ck_assert_ptr_null(kernel_image_at(&copy, IMAGE_VA + 5, copy.size - 4));
	ck_assert_ptr_null(kernel_image_at(&copy, IMAGE_VA - 1, 1));
	ck_assert_ptr_null(kernel_image_at(&copy, IMAGE_VA + 5, UINT64_MAX));
	kernel_image_free(&copy);
	ck_assert_ptr_null(copy.bytes);
}
END_TEST

START_TEST(an_image_that_is_not_protected_is_copied_as_a_whole)
{
	struct kernel_image copy;

	linux_map(&crafted, &crafted.space, IMAGE_VA, 0x3000, 2, PTE_WRITE);
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), 0);
	ck_assert_uint_eq(copy.size, 0x2000);
	ck_assert_uint_eq(copy.bytes[0x1fff], 'x');
	kernel_image_free(&copy);
}
END_TEST

START_TEST(an_image_has_an_end)
{
	struct kernel_image copy;
	const uint64_t last = IMAGE_VA + KERNEL_IMAGE_MAX - PAGE_SIZE;

	linux_map(&crafted, &crafted.space, last, 0x3000, 2, PTE_NO_EXECUTE);
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), 0);
	ck_assert_uint_eq(copy.size, KERNEL_IMAGE_MAX);
	ck_assert_uint_eq(copy.bytes[KERNEL_IMAGE_MAX - 1], 'x');
	kernel_image_free(&copy);
}
END_TEST

/* The same pages over and over. */
START_TEST(an_image_is_no_larger_than_the_memory)
{
	struct kernel_image copy;
	const uint64_t pages = LINUX_RAM / PAGE_SIZE;

	for (uint64_t i = 0; i <= pages; i++)
		linux_map(&crafted, &crafted.space, IMAGE_VA + i * PAGE_SIZE, 0x3000, 1,
			  PTE_NO_EXECUTE);
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), -EPROTO);
	ck_assert_ptr_null(copy.bytes);
	*linux_entry(&crafted, &crafted.space, IMAGE_VA + pages * PAGE_SIZE, 1) = 0;
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), 0);
	kernel_image_free(&copy);
}
END_TEST

START_TEST(an_image_must_be_there)
{
	struct kernel_image copy;

	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), -EPROTO);
	ck_assert_ptr_null(copy.bytes);
	linux_map(&crafted, &crafted.space, IMAGE_VA, LINUX_RAM, 1, PTE_NO_EXECUTE);
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), -EFAULT);
	ck_assert_ptr_null(copy.bytes);
	*linux_entry(&crafted, &crafted.space, IMAGE_VA, 1) = LINUX_RAM | PTE_PRESENT;
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), -EFAULT);
	info.text[0] = '\0';
	ck_assert_int_eq(kernel_image_copy(&crafted.space, &info, &copy, &err), -EPROTO);
}
END_TEST

Suite *linux_kallsyms_suite(void)
{
	Suite *suite = suite_create("linux_kallsyms");
	TCase *tcase = tcase_create("linux_kallsyms");
	TCase *images = tcase_create("linux_kernel_image");

	TCASE_ADD_TESTS(tcase, tables_are_found_by_vmcoreinfo, older_tables_are_searched_for,
			tables_of_each_number_of_blocks_are_searched_for,
			a_search_goes_on_behind_what_is_no_table,
			names_of_128_tokens_or_more_have_two_bytes_of_length,
			older_names_have_one_byte_of_length, a_name_that_is_too_long_is_nobodys,
			the_first_of_equal_names_and_of_equal_addresses_counts,
			several_names_are_found_in_one_pass, names_are_made_printable,
			contradictions_are_refused, tables_past_the_end_of_the_image_are_refused,
			stext_must_be_where_vmcoreinfo_has_it);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(images, linux_setup, linux_teardown);
	TCASE_ADD_TESTS(images, read_only_data_is_copied,
			an_image_that_is_not_protected_is_copied_as_a_whole, an_image_has_an_end,
			an_image_is_no_larger_than_the_memory, an_image_must_be_there);
	suite_add_tcase(suite, images);
	return suite;
}
