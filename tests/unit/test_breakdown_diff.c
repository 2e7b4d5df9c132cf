/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/inspect/breakdown_diff.h: rows that come, go, are renamed, and claim to be others. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "inspect/breakdown_diff.h"

static const struct breakdown_column columns[] = {{"bytes", "MiB", BREAKDOWN_BYTES},
						  {"pid", "pid", BREAKDOWN_ID}};
static struct memory_budget budget;
static struct breakdown a, b;
static struct breakdown_diff diff;
static struct error err;

static void setup(void)
{
	budget = (struct memory_budget){.limit = 1 << 20};
	a = b = (struct breakdown){.columns = columns, .column_count = 2, .budget = &budget};
}

static void teardown(void)
{
	breakdown_diff_free(&diff);
	breakdown_free(&a);
	breakdown_free(&b);
	ck_assert_uint_eq(budget.used, 0);
}

static void add(struct breakdown *to, uint64_t identity, const char *name, uint64_t size)
{
	struct breakdown_row *row = breakdown_add(to, &err);

	ck_assert_ptr_nonnull(row);
	row->identity[1] = identity;
	row->figures[0] = size;
	row->figures[1] = identity;
	if (name)
		ck_assert_int_eq(breakdown_name(to, row, name, &err), 0);
}

static void compare(bool is_one_boot, uint64_t limit)
{
	breakdown_diff_free(&diff);
	breakdown_finish(&a, UINT64_MAX);
	breakdown_finish(&b, UINT64_MAX);
	ck_assert_int_eq(breakdown_diff_make(&a, &b, is_one_boot, limit, &diff, &err), 0);
}

/* The pair's names and sizes; NULL: not there. */
static void assert_pair(uint64_t i, const char *in_a, uint64_t size_a, const char *in_b,
			uint64_t size_b)
{
	ck_assert_uint_lt(i, diff.count);
	const struct breakdown_pair *pair = &diff.pairs[i];

	ck_assert_int_eq(!pair->a, !in_a);
	ck_assert_int_eq(!pair->b, !in_b);
	if (in_a) {
		ck_assert_str_eq(pair->a->name ? pair->a->name : "?", in_a);
		ck_assert_uint_eq(pair->a->figures[0], size_a);
	}
	if (in_b) {
		ck_assert_str_eq(pair->b->name ? pair->b->name : "?", in_b);
		ck_assert_uint_eq(pair->b->figures[0], size_b);
	}
}

START_TEST(growth_is_first_and_what_came_and_went_is_told)
{
	add(&a, 1, "grows", 10);
	add(&a, 2, "shrinks", 90);
	add(&a, 3, "stays", 50);
	add(&a, 4, "goes", 20);
	add(&b, 1, "grows", 40);
	add(&b, 2, "shrinks", 60);
	add(&b, 3, "stays", 50);
	add(&b, 5, "comes", 25);
	compare(true, 2);
	ck_assert_uint_eq(diff.count, 4);
	ck_assert_uint_eq(diff.listed, 2);
	assert_pair(0, "grows", 10, "grows", 40);
	assert_pair(1, NULL, 0, "comes", 25);
	assert_pair(2, "goes", 20, NULL, 0);
	assert_pair(3, "shrinks", 90, "shrinks", 60);
	ck_assert_int_eq(breakdown_growth(&diff, &diff.pairs[3]), -30);
	ck_assert_uint_eq(diff.unchanged_count, 1);
	ck_assert_uint_eq(diff.unchanged[0][0], 50);
	ck_assert_uint_eq(diff.others[0][0], 110);
	ck_assert_uint_eq(diff.others[1][0], 60);
	ck_assert_uint_eq(diff.sums[0][0], 170);
	ck_assert_uint_eq(diff.sums[1][0], 175);
	ck_assert_uint_eq(diff.sums[1][1], 0);
}
END_TEST

/* One that has the name of another is not that one, and one that was renamed is. */
START_TEST(the_identity_counts_and_not_the_name)
{
	add(&a, 1, "log", 10);
	add(&a, 2, "log.1", 30);
	add(&b, 1, "log.1", 15);
	add(&b, 3, "log", 1);
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 3);
	assert_pair(0, "log", 10, "log.1", 15);
	assert_pair(1, NULL, 0, "log", 1);
	assert_pair(2, "log.1", 30, NULL, 0);
}
END_TEST

START_TEST(names_that_last_belong_to_the_identity)
{
	a.has_lasting_names = b.has_lasting_names = true;
	add(&a, 0, "dentry", 10);
	add(&a, 0, "inode_cache", 10);
	add(&b, 0, "dentry", 12);
	add(&b, 0, "kmalloc-64", 10);
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 3);
	assert_pair(0, NULL, 0, "kmalloc-64", 10);
	assert_pair(1, "dentry", 10, "dentry", 12);
	assert_pair(2, "inode_cache", 10, NULL, 0);
}
END_TEST

/* File systems that share a device, or a guest that lies: each row is in one pair, those with one name in the same. */
START_TEST(of_equal_identities_the_name_decides)
{
	add(&a, 7, "one", 10);
	add(&a, 7, "two", 20);
	add(&a, 7, "three", 30);
	add(&b, 7, "two", 21);
	add(&b, 7, "four", 33);
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 3);
	assert_pair(0, "one", 10, "four", 33);
	assert_pair(1, "two", 20, "two", 21);
	assert_pair(2, "three", 30, NULL, 0);
}
END_TEST

START_TEST(groups_are_part_of_the_identity)
{
	add(&a, 7, "x", 10);
	add(&b, 7, "x", 10);
	strcpy(b.rows[0].group, "tmpfs");
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 2);
}
END_TEST

/* Whatever is not known is one row, and no row that has an identity of zeroes. */
START_TEST(the_unknown_is_compared_with_the_unknown)
{
	add(&a, 0, NULL, 10);
	add(&a, 0, "x", 5);
	add(&b, 0, NULL, 20);
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 2);
	assert_pair(0, "?", 10, "?", 20);
	assert_pair(1, "x", 5, NULL, 0);
}
END_TEST

START_TEST(in_another_boot_what_is_of_a_boot_is_another)
{
	a.is_of_boot = b.is_of_boot = true;
	add(&a, 1, "init", 10);
	add(&b, 1, "init", 10);
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 0);
	ck_assert_uint_eq(diff.unchanged_count, 1);
	compare(false, 10);
	ck_assert_uint_eq(diff.count, 2);
	assert_pair(0, NULL, 0, "init", 10);
	assert_pair(1, "init", 10, NULL, 0);
}
END_TEST

/* Of no size on one side is there all the same; nothing of both sides is nothing. */
START_TEST(sizes_at_the_edge)
{
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 0);
	add(&a, 1, "none", 0);
	add(&b, 2, "all", UINT64_MAX / 2);
	add(&b, 3, "none", 0);
	compare(true, 10);
	ck_assert_uint_eq(diff.count, 3);
	assert_pair(0, NULL, 0, "all", UINT64_MAX / 2);
}
END_TEST

START_TEST(rows_beyond_the_budget_are_refused)
{
	struct breakdown_diff refused;

	add(&a, 1, "x", 1);
	budget.limit = budget.used;
	ck_assert_int_eq(breakdown_diff_make(&a, &b, true, 1, &refused, &err), -E2BIG);
	breakdown_diff_free(&refused);
	budget.limit = 1 << 20;
}
END_TEST

Suite *breakdown_diff_suite(void)
{
	Suite *suite = suite_create("breakdown_diff");
	TCase *tcase = tcase_create("breakdown_diff");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, growth_is_first_and_what_came_and_went_is_told);
	tcase_add_test(tcase, the_identity_counts_and_not_the_name);
	tcase_add_test(tcase, names_that_last_belong_to_the_identity);
	tcase_add_test(tcase, of_equal_identities_the_name_decides);
	tcase_add_test(tcase, groups_are_part_of_the_identity);
	tcase_add_test(tcase, the_unknown_is_compared_with_the_unknown);
	tcase_add_test(tcase, in_another_boot_what_is_of_a_boot_is_another);
	tcase_add_test(tcase, sizes_at_the_edge);
	tcase_add_test(tcase, rows_beyond_the_budget_are_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
