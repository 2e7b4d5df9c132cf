/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/memory_available.h, which reads what the kernel says, and of vmm/base/memory_budget.h. */
#include "unit/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory_available.h"
#include "base/memory_budget.h"

static char directory[32];

START_TEST(figures_are_found_by_their_whole_name)
{
	const char *meminfo = "MemTotal:  100 kB\nMemFree: 3 kB\nMemAvailable:   2048 kB\n";
	const char *stat = "anon 1\nworkingset_inactive_file 8\ninactive_file 4096\nslab";
	uint64_t value;

	ck_assert(memory_figure_parse(meminfo, "MemAvailable", &value) && value == 2 << 20);
	ck_assert(memory_figure_parse(meminfo, "MemTotal", &value) && value == 100 << 10);
	ck_assert(!memory_figure_parse(meminfo, "Mem", &value));
	ck_assert(memory_figure_parse(stat, "inactive_file", &value) && value == 4096);
	ck_assert(!memory_figure_parse(stat, "slab", &value));
	ck_assert(!memory_figure_parse("", "anon", &value));
}
END_TEST

START_TEST(limits_of_groups)
{
	ck_assert_uint_eq(cgroup_limit_parse("max\n"), UINT64_MAX);
	ck_assert_uint_eq(cgroup_limit_parse("1048576\n"), 1048576);
	ck_assert_uint_eq(cgroup_limit_parse("9223372036854771712\n"), 9223372036854771712u);
	ck_assert_uint_eq(cgroup_limit_parse(""), UINT64_MAX);
}
END_TEST

START_TEST(a_process_is_in_a_group_of_each_hierarchy)
{
	char path[32];

	ck_assert(cgroup_path_parse("0::/user.slice/a:b\n", CGROUP_V2, path, sizeof(path)));
	ck_assert_str_eq(path, "/user.slice/a:b");
	ck_assert(!cgroup_path_parse("0::/user.slice\n", CGROUP_V1, path, sizeof(path)));
	ck_assert(cgroup_path_parse("4:hugetlb,memory:/jobs/1\n", CGROUP_V1, path, sizeof(path)));
	ck_assert_str_eq(path, "/jobs/1");
	ck_assert(cgroup_path_parse("4:memory:/\n", CGROUP_V1, path, sizeof(path)));
	ck_assert(!cgroup_path_parse("4:memory2,cpu:/jobs\n", CGROUP_V1, path, sizeof(path)));
	ck_assert(!cgroup_path_parse("4:memory:/jobs/1\n", CGROUP_V2, path, sizeof(path)));
	ck_assert(!cgroup_path_parse("4:memory:/a/path/that/does/not/fit/in/here\n", CGROUP_V1,
				     path, sizeof(path)));
	ck_assert(!cgroup_path_parse("nonsense", CGROUP_V1, path, sizeof(path)));
	ck_assert(!cgroup_path_parse("", CGROUP_V2, path, sizeof(path)));
}
END_TEST

START_TEST(a_hierarchy_is_mounted_somewhere)
{
	const char *v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
	const char *v1 =
		"36 30 0:32 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
	const char *other = "36 30 0:32 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,memory2\n";
	char root[64], point[64];

	ck_assert(cgroup_mount_parse(v2, CGROUP_V2, root, point, sizeof(root)));
	ck_assert_str_eq(root, "/");
	ck_assert_str_eq(point, "/sys/fs/cgroup");
	ck_assert(!cgroup_mount_parse(v2, CGROUP_V1, root, point, sizeof(root)));
	ck_assert(cgroup_mount_parse(v1, CGROUP_V1, root, point, sizeof(root)));
	ck_assert_str_eq(root, "/docker/1");
	ck_assert_str_eq(point, "/sys/fs/cgroup/memory");
	ck_assert(!cgroup_mount_parse(v1, CGROUP_V2, root, point, sizeof(root)));
	ck_assert(!cgroup_mount_parse(other, CGROUP_V1, root, point, sizeof(root)));
	ck_assert(!cgroup_mount_parse("36 30 0:32 / /x", CGROUP_V1, root, point, sizeof(root)));
}
END_TEST

/* Writes directory/path. */
static void write_file(const char *path, const char *text)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", directory, path);
	FILE *file = fopen(whole, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void make_directory(const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", directory, path);
	ck_assert_int_eq(mkdir(whole, 0700), 0);
}

static void setup(void)
{
	strcpy(directory, "/tmp/pagevisor-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

/* The lowest of the group and all groups above it, of max and high, less what cannot be dropped. */
START_TEST(the_tightest_group_counts)
{
	make_directory("a");
	make_directory("a/b");
	ck_assert_uint_eq(cgroup_memory_left(directory, "/a/b", CGROUP_V2), UINT64_MAX);
	write_file("a/b/memory.max", "max\n");
	write_file("a/b/memory.high", "900\n");
	write_file("a/b/memory.current", "300\n");
	write_file("a/b/memory.stat", "file 100\ninactive_file 100\n");
	ck_assert_uint_eq(cgroup_memory_left(directory, "/a/b", CGROUP_V2), 700);
	write_file("a/memory.max", "1000\n");
	write_file("a/memory.high", "max\n");
	write_file("a/memory.current", "400\n");
	ck_assert_uint_eq(cgroup_memory_left(directory, "/a/b", CGROUP_V2), 600);
	write_file("a/memory.current", "2000\n");
	ck_assert_uint_eq(cgroup_memory_left(directory, "/a/b", CGROUP_V2), 0);
	ck_assert_uint_eq(cgroup_memory_left(directory, "/nowhere", CGROUP_V2), UINT64_MAX);
	/* In a container's namespace its own group is at the mount. */
	write_file("memory.max", "5000\n");
	ck_assert_uint_eq(cgroup_memory_left(directory, "", CGROUP_V2), 5000);
	ck_assert_uint_eq(cgroup_memory_left(directory, "/a/b", CGROUP_V1), UINT64_MAX);
	write_file("a/memory.limit_in_bytes", "800\n");
	write_file("a/memory.usage_in_bytes", "500\n");
	write_file("a/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n");
	ck_assert_uint_eq(cgroup_memory_left(directory, "/a/b", CGROUP_V1), 500);
}
END_TEST

START_TEST(something_is_available_here)
{
	uint64_t available = memory_available();

	ck_assert_uint_gt(available, 0);
	ck_assert_uint_le(available,
			  (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

START_TEST(a_budget_is_spent_and_given_back)
{
	struct memory_budget budget, other;
	struct error err;

	memory_budget_set(MEMORY_BUDGET_MIN);
	memory_budget_begin(&budget);
	memory_budget_begin(&other);
	ck_assert_int_eq(memory_budget_take(&budget, MEMORY_BUDGET_MIN - 1, "a", &err), 0);
	ck_assert_int_eq(memory_budget_take(&budget, 2, "a test", &err), -E2BIG);
	ck_assert_str_eq(err.text, "a test would take 1 MiB of memory, and the budget has 0 of 16 "
				   "MiB left; --memory-budget SIZE allows more");
	ck_assert_int_eq(memory_budget_take(&budget, UINT64_MAX, "a test", &err), -E2BIG);
	ck_assert_uint_eq(memory_budget_left(&budget), 1); /* nothing of the two was taken */
	ck_assert_int_eq(memory_budget_take(&other, 2, "a", &err), 0);
	memory_budget_give(&budget, MEMORY_BUDGET_MIN - 1);
	ck_assert_uint_eq(memory_budget_left(&budget), MEMORY_BUDGET_MIN);
	ck_assert_int_eq(memory_budget_take(NULL, UINT64_MAX, "a", &err), 0);
	memory_budget_give(NULL, 1);
}
END_TEST

START_TEST(the_default_is_a_quarter_of_what_is_available)
{
	struct memory_budget budget;

	memory_budget_begin(&budget);
	ck_assert_uint_ge(budget.limit, MEMORY_BUDGET_MIN);
	ck_assert_uint_le(budget.limit,
			  (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4);
}
END_TEST

Suite *memory_budget_suite(void)
{
	Suite *suite = suite_create("memory_budget");
	TCase *tcase = tcase_create("memory_budget");
	TCase *groups = tcase_create("groups");

	tcase_add_test(tcase, figures_are_found_by_their_whole_name);
	tcase_add_test(tcase, limits_of_groups);
	tcase_add_test(tcase, a_process_is_in_a_group_of_each_hierarchy);
	tcase_add_test(tcase, a_hierarchy_is_mounted_somewhere);
	tcase_add_test(tcase, something_is_available_here);
	tcase_add_test(tcase, a_budget_is_spent_and_given_back);
	tcase_add_test(tcase, the_default_is_a_quarter_of_what_is_available);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(groups, setup, teardown);
	tcase_add_test(groups, the_tightest_group_counts);
	suite_add_tcase(suite, groups);
	return suite;
}
