/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/pagevisor/guest_symbols.h: a sound table in the guest's memory, and impossible tables. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include <pagevisor/symbols.h>

#include "kind/pagevisor/guest_symbols.h"
#include "memory/rcu.h"
#include "unit/crafted_source.h"

#define TABLE_PA (120 * PAGE_SIZE)
#define KERNEL   UINT64_C(0xffffffff80000000)
#define NAMES    "first\0second\0third\0"

static struct crafted crafted;
static struct guest_view view;
static struct symbols symbols;

static struct symbol_table *head;
static struct table_symbol *table;

static void setup(void)
{
	urcu_memb_register_thread();
	crafted_make(&crafted);
	head = (struct symbol_table *)(crafted.low + TABLE_PA);
	table = (struct table_symbol *)(head + 1);
	*head = (struct symbol_table){.count = 4, .names_size = sizeof(NAMES)};
	table[0] = (struct table_symbol){0x80100000, 0};
	table[1] = (struct table_symbol){0x80100000, 6};
	table[2] = (struct table_symbol){0x80100040, 13};
	table[3] = (struct table_symbol){0x80100080, sizeof(NAMES) - 1};
	memcpy(table + 4, NAMES, sizeof(NAMES));
	view = (struct guest_view){
		.symbols = paddr(TABLE_PA),
		.symbols_size = sizeof(*head) + 4 * sizeof(*table) + sizeof(NAMES),
	};
}

static void teardown(void)
{
	symbols_free(&symbols);
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

static int read_table(void)
{
	symbols_free(&symbols);
	return guest_symbols_read(&view, &crafted.source.memory, &symbols);
}

static void expect_name(uint64_t address, const char *name, uint64_t offset)
{
	const char *found;
	uint64_t at;

	ck_assert(symbols_find(&symbols, address, &found, &at));
	ck_assert_str_eq(found, name);
	ck_assert_uint_eq(at, offset);
}

START_TEST(functions_are_found_by_address)
{
	const char *name;
	uint64_t offset;

	ck_assert_int_eq(read_table(), 0);
	ck_assert_uint_eq(symbols.count, 3);
	expect_name(KERNEL + 0x100000, "second", 0);
	expect_name(KERNEL + 0x10003f, "second", 0x3f);
	expect_name(KERNEL + 0x100040, "third", 0);
	expect_name(KERNEL + 0x10007f, "third", 0x3f);
	ck_assert(!symbols_find(&symbols, KERNEL + 0x100080, &name, &offset));
	ck_assert(!symbols_find(&symbols, KERNEL + 0xfffff, &name, &offset));
}
END_TEST

START_TEST(kernel_without_a_table_has_no_names)
{
	view.symbols_size = 0;
	ck_assert_int_eq(read_table(), 0);
	ck_assert_uint_eq(symbols.count, 0);
}
END_TEST

START_TEST(names_are_made_printable)
{
	memcpy(table + 4, "f\033rst", 5);
	((char *)(table + 4))[sizeof(NAMES) - 1] = 'x'; /* terminated, though this is not */
	table[0].name = sizeof(NAMES) - 1;
	ck_assert_int_eq(read_table(), 0);
	ck_assert_str_eq(symbols.names, "f?rst");
	ck_assert_str_eq(symbols.names + sizeof(NAMES) - 1, "x");
}
END_TEST

static void expect_refusal(void)
{
	ck_assert_int_eq(read_table(), -EPROTO);
	ck_assert_uint_eq(symbols.count, 0);
	ck_assert_ptr_null(symbols.table);
	ck_assert_ptr_null(symbols.names);
}

START_TEST(tables_that_cannot_be_are_refused)
{
	static const struct symbol_table wild[] = {
		{0, 4},
		{1, 4},
		{5, sizeof(NAMES)},
		{4, 0},
		{4, sizeof(NAMES) + 1},
		{UINT32_MAX, 4},
		{4, UINT32_MAX},
		{UINT32_MAX / 8, UINT32_MAX},
	};

	for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		*head = wild[i];
		/* Five symbols fit; the last consists of letters, so it is out of order, or its name is wild. */
		expect_refusal();
	}
}
END_TEST

START_TEST(symbols_out_of_order_are_refused)
{
	table[2].address = 0x800fffff;
	expect_refusal();
}
END_TEST

START_TEST(names_outside_are_refused)
{
	table[1].name = sizeof(NAMES);
	expect_refusal();
	table[1].name = UINT32_MAX;
	expect_refusal();
}
END_TEST

START_TEST(places_and_sizes_that_cannot_be_are_refused)
{
	static const struct {
		uint64_t pa, size;
	} wild[] = {
		{TABLE_PA, 1},          {TABLE_PA, 7},
		{TABLE_PA, 8},          {TABLE_PA, SYMBOL_TABLE_MAX + 1},
		{TABLE_PA, UINT64_MAX}, {CRAFTED_LOW_SIZE - 16, 64},
		{CRAFTED_LOW_SIZE, 64}, {UINT64_MAX - 7, 64},
	};

	for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		view.symbols = paddr(wild[i].pa);
		view.symbols_size = wild[i].size;
		expect_refusal();
	}
}
END_TEST

Suite *guest_symbols_suite(void)
{
	Suite *suite = suite_create("guest_symbols");
	TCase *tcase = tcase_create("guest_symbols");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, functions_are_found_by_address);
	tcase_add_test(tcase, kernel_without_a_table_has_no_names);
	tcase_add_test(tcase, names_are_made_printable);
	tcase_add_test(tcase, tables_that_cannot_be_are_refused);
	tcase_add_test(tcase, symbols_out_of_order_are_refused);
	tcase_add_test(tcase, names_outside_are_refused);
	tcase_add_test(tcase, places_and_sizes_that_cannot_be_are_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
