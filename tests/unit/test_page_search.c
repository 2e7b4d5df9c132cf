/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/page_search.h over the memory of a ledger, in pages that it does not use. */
#include "unit/suites.h"

#include <string.h>

#include "memory/page_search.h"
#include "memory/rcu.h"
#include "unit/ledger_kind.h"

#define MAGIC UINT64_C(0x6567617020656874)

static struct ledger ledger;

/* The pages visited, and at which of them the visitor ends the search. */
static paddr_t visited[4];
static unsigned visited_count, last;

static int visit(void *own, const void *page, paddr_t at)
{
	ck_assert_ptr_eq(own, &ledger);
	ck_assert_uint_lt(visited_count, 4);
	ck_assert(memcmp(page, ledger.ram + at.addr, PAGE_SIZE) == 0);
	visited[visited_count++] = at;
	return visited_count == last ? 7 : 0;
}

static void setup(void)
{
	urcu_memb_register_thread();
	ledger_make(&ledger);
}

static void teardown(void)
{
	ledger_free(&ledger);
	urcu_memb_unregister_thread();
}

/* Pages 30, 31 and 33 begin with the magic, 32 and 35 do not, 34 is a hole. */
static void fill(void)
{
	const unsigned with_magic[] = {30, 31, 33};
	uint64_t magic = MAGIC;

	for (unsigned i = 0; i < 3; i++)
		memcpy(ledger.ram + with_magic[i] * PAGE_SIZE, &magic, sizeof(magic));
	memcpy(ledger.ram + 32 * PAGE_SIZE + sizeof(magic), &magic, sizeof(magic));
	memcpy(ledger.ram + 36 * PAGE_SIZE - sizeof(magic), &magic, sizeof(magic));
}

static int search(uint64_t end, unsigned ends_at)
{
	fill();
	visited_count = 0;
	last = ends_at;
	return page_search(&ledger.memory, end, MAGIC, visit, &ledger);
}

START_TEST(each_page_with_the_magic_is_visited_in_order)
{
	ck_assert_int_eq(search(0, 0), 0);
	ck_assert_uint_eq(visited_count, 3);
	ck_assert_uint_eq(visited[0].addr, 30 * PAGE_SIZE);
	ck_assert_uint_eq(visited[1].addr, 31 * PAGE_SIZE);
	ck_assert_uint_eq(visited[2].addr, 33 * PAGE_SIZE);
}
END_TEST

START_TEST(only_pages_below_the_end_are_searched)
{
	ck_assert_int_eq(search(33 * PAGE_SIZE, 0), 0);
	ck_assert_uint_eq(visited_count, 2);
	ck_assert_int_eq(search(34 * PAGE_SIZE, 0), 0);
	ck_assert_uint_eq(visited_count, 3);
	ck_assert_int_eq(search(30 * PAGE_SIZE, 0), 0);
	ck_assert_uint_eq(visited_count, 0);
}
END_TEST

START_TEST(its_visitor_ends_a_search)
{
	ck_assert_int_eq(search(0, 2), 7);
	ck_assert_uint_eq(visited_count, 2);
}
END_TEST

START_TEST(a_search_fills_no_hole)
{
	fill();
	ledger_punch(&ledger, 34 * PAGE_SIZE, 1);
	uint64_t hole, data;

	ck_assert_int_eq(search(0, 0), 0);
	ck_assert_int_eq(guest_memory_find_data(&ledger.memory, paddr(34 * PAGE_SIZE), PAGE_SIZE,
						&hole, &data),
			 0);
	ck_assert_uint_eq(hole, PAGE_SIZE);
}
END_TEST

Suite *page_search_suite(void)
{
	Suite *suite = suite_create("page_search");
	TCase *tcase = tcase_create("page_search");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_page_with_the_magic_is_visited_in_order);
	tcase_add_test(tcase, only_pages_below_the_end_are_searched);
	tcase_add_test(tcase, its_visitor_ends_a_search);
	tcase_add_test(tcase, a_search_fills_no_hole);
	suite_add_tcase(suite, tcase);
	return suite;
}
