/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/page_set.h: pages of several regions, and runs that end where these do. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "memory/page_set.h"
#include "memory/rcu.h"

#define HIGH (UINT64_C(1) << 40)

static struct guest_memory memory;
static struct memory_budget budget;
static struct page_set set;
static struct error err;

static int read_nothing(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own;
	(void)pa;
	memset(buffer, 0, length);
	return 0;
}

/* Two regions side by side, and one far away. */
static void setup(void)
{
	const struct memory_reader reader = {.read = read_nothing, .chunk = PAGE_SIZE};

	urcu_memb_register_thread();
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	budget = (struct memory_budget){.limit = 1 << 20};
	memory.budget = &budget;
	guest_memory_add_copied(&memory, paddr(0), 100 * PAGE_SIZE, &reader, &err);
	guest_memory_add_copied(&memory, paddr(100 * PAGE_SIZE), 60 * PAGE_SIZE, &reader, &err);
	guest_memory_add_copied(&memory, paddr(HIGH), 200 * PAGE_SIZE, &reader, &err);
	ck_assert_int_eq(page_set_begin(&set, &memory, &err), 0);
}

static void teardown(void)
{
	page_set_end(&set);
	ck_assert_uint_eq(budget.used, 0);
	guest_memory_destroy(&memory);
	urcu_memb_unregister_thread();
}

static uint64_t next_at;

static void assert_run(uint64_t page, uint64_t pages)
{
	paddr_t pa = {0};

	ck_assert_uint_eq(page_set_next(&set, &next_at, &pa), pages * PAGE_SIZE);
	if (pages)
		ck_assert_uint_eq(pa.addr, page * PAGE_SIZE);
}

START_TEST(runs_end_where_regions_do)
{
	next_at = 0;
	assert_run(0, 0);
	page_set_add(&set, paddr(7 * PAGE_SIZE + 100), 1);
	page_set_add(&set, paddr(90 * PAGE_SIZE), 20 * PAGE_SIZE);
	page_set_add(&set, paddr(159 * PAGE_SIZE), 20 * PAGE_SIZE);
	page_set_add(&set, paddr(HIGH + 199 * PAGE_SIZE - 1), 2);
	ck_assert_uint_eq(page_set_bytes(&set), 24 * PAGE_SIZE);
	assert_run(7, 1);
	assert_run(90, 10);
	assert_run(100, 10);
	assert_run(159, 1);
	assert_run(HIGH / PAGE_SIZE + 198, 2);
	assert_run(0, 0);
}
END_TEST

START_TEST(what_is_no_memory_is_left_out)
{
	next_at = 0;
	page_set_add(&set, paddr(HIGH - PAGE_SIZE), PAGE_SIZE);
	page_set_add(&set, paddr(HIGH + 200 * PAGE_SIZE), UINT64_MAX);
	page_set_add(&set, paddr(HIGH), 0);
	assert_run(0, 0);
	page_set_add(&set, paddr(100), UINT64_MAX);
	assert_run(0, 100);
	assert_run(100, 60);
	assert_run(HIGH / PAGE_SIZE, 200);
	assert_run(0, 0);
}
END_TEST

START_TEST(what_is_removed_is_gone)
{
	next_at = 0;
	page_set_add(&set, paddr(10 * PAGE_SIZE), 90 * PAGE_SIZE);
	page_set_remove(&set, paddr(10 * PAGE_SIZE), 54 * PAGE_SIZE);
	page_set_remove(&set, paddr(70 * PAGE_SIZE), 1);
	page_set_remove(&set, paddr(99 * PAGE_SIZE), UINT64_MAX);
	assert_run(64, 6);
	assert_run(71, 28);
	assert_run(0, 0);
}
END_TEST

START_TEST(a_budget_that_is_too_small_leaves_an_empty_set)
{
	struct page_set other;

	budget.limit = budget.used + 8;
	ck_assert_int_eq(page_set_begin(&other, &memory, &err), -E2BIG);
	page_set_add(&other, paddr(0), PAGE_SIZE);
	paddr_t pa;
	uint64_t at = 0;

	ck_assert_uint_eq(page_set_next(&other, &at, &pa), 0);
	page_set_end(&other);
}
END_TEST

Suite *page_set_suite(void)
{
	Suite *suite = suite_create("page_set");
	TCase *tcase = tcase_create("page_set");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, runs_end_where_regions_do);
	tcase_add_test(tcase, what_is_no_memory_is_left_out);
	tcase_add_test(tcase, what_is_removed_is_gone);
	tcase_add_test(tcase, a_budget_that_is_too_small_leaves_an_empty_set);
	suite_add_tcase(suite, tcase);
	return suite;
}
