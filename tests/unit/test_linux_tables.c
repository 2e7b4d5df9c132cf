/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of walks through page tables over a range: kind/linux/kernel_tables.h, over tables some of which no kernel would make. */
#include "unit/suites.h"

#include <errno.h>

#include <pagevisor/x86.h>

#include "base/clock.h"
#include "kind/linux/kernel_tables.h"
#include "unit/crafted_linux.h"

#define VMALLOC UINT64_C(0xffffc90000000000)

static struct crafted_linux machine;

static void setup(void)
{
	linux_make(&machine, 4);
}

static void setup_five(void)
{
	linux_make(&machine, 5);
}

static void teardown(void)
{
	linux_free(&machine);
}

static void map(uint64_t va, uint64_t frame)
{
	linux_map(&machine, &machine.space, va, frame * PAGE_SIZE, 1, PTE_WRITE);
}

/* What a walk has met. */
struct met {
	unsigned mapped, tables;
	uint64_t va, first, frames;
};

static int meet(void *own, uint64_t va, uint64_t first, uint64_t count)
{
	struct met *met = own;

	ck_assert(met->mapped++ == 0 || va > met->va);
	met->va = va;
	met->first = first;
	met->frames += count;
	return 0;
}

static int meet_table(void *own, uint64_t frame)
{
	ck_assert_uint_lt(frame, LINUX_RAM / PAGE_SIZE);
	((struct met *)own)->tables++;
	return 0;
}

static int walk_within(uint64_t first, uint64_t last, unsigned lowest, uint64_t tables,
		       struct met *met)
{
	struct table_walk walk = {.first = first,
				  .last = last,
				  .lowest = lowest,
				  .tables_left = tables,
				  .end_ns = UINT64_MAX,
				  .mapped = meet,
				  .table = meet_table,
				  .own = met};

	*met = (struct met){0};
	return kernel_tables_walk(&machine.space, &walk);
}

static void assert_walk(uint64_t first, uint64_t last, unsigned mapped, uint64_t frames)
{
	struct met met;

	ck_assert_int_eq(walk_within(first, last, 0, 100, &met), 0);
	ck_assert_uint_eq(met.mapped, mapped);
	ck_assert_uint_eq(met.frames, frames);
}

START_TEST(tables_are_walked_within_a_range)
{
	const uint64_t large = VMALLOC + 3 * LARGE_PAGE_SIZE, giant = VMALLOC + (UINT64_C(1) << 30);
	struct met met;

	map(LINUX_MAP_BASE, 1);
	map(VMALLOC, 7);
	map(VMALLOC + 5 * PAGE_SIZE, 9);
	map(VMALLOC + LARGE_PAGE_SIZE - PAGE_SIZE, 8);
	*linux_entry(&machine, &machine.space, large, 1) = 0x40000000 | PTE_PRESENT | PTE_LARGE;
	*linux_entry(&machine, &machine.space, giant, 2) = 0x80000000 | PTE_PRESENT | PTE_LARGE;
	assert_walk(VMALLOC, VMALLOC + (UINT64_C(1) << 45) - 1, 5, 3 + 512 + (1 << 18));
	assert_walk(VMALLOC, VMALLOC, 1, 1);
	assert_walk(VMALLOC + PAGE_SIZE, VMALLOC + 5 * PAGE_SIZE - 1, 0, 0);
	assert_walk(VMALLOC + PAGE_SIZE, VMALLOC + 5 * PAGE_SIZE, 1, 1);
	assert_walk(VMALLOC + LARGE_PAGE_SIZE - 1, large - 1, 1, 1);
	assert_walk(large + PAGE_SIZE, large + PAGE_SIZE, 1, 512);
	assert_walk(giant, UINT64_MAX - PAGE_SIZE, 2, (1 << 18) + 1);
	assert_walk(giant, giant - 1, 0, 0);
	assert_walk(0, VMALLOC >> 17, 0, 0);
	/* Tables of small pages are met, but not what they map. */
	ck_assert_int_eq(walk_within(VMALLOC, giant + 1, 1, 100, &met), 0);
	ck_assert_uint_eq(met.mapped, 2);
	ck_assert_uint_eq(met.tables, machine.space.levels - 1);
}
END_TEST

START_TEST(tables_that_lead_into_each_other_end)
{
	uint64_t *top = linux_entry(&machine, &machine.space, VMALLOC, machine.space.levels - 1);
	const uint64_t loop = machine.space.root.addr | PTE_PRESENT | PTE_WRITE;
	uint64_t *entries = (uint64_t *)(machine.ram + machine.space.root.addr);
	struct table_walk walk = {.first = VMALLOC,
				  .last = VMALLOC + (UINT64_C(1) << 45) - 1,
				  .tables_left = UINT64_MAX,
				  .end_ns = clock_now_ns()};
	struct met met;

	*top = loop;
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		if (&entries[i] >= top || !entries[i])
			entries[i] = loop;
	ck_assert_int_eq(walk_within(walk.first, walk.last, 0, 1000, &met), -E2BIG);
	ck_assert_uint_le(met.tables, 1000);
	/* Nor does it outlast its time. */
	ck_assert_int_eq(kernel_tables_walk(&machine.space, &walk), -E2BIG);
	/* Tables that are not there. */
	*top = UINT64_C(0x7fff000) << 12 | PTE_PRESENT;
	walk = (struct table_walk){
		.first = VMALLOC, .last = VMALLOC, .tables_left = 10, .end_ns = UINT64_MAX};
	ck_assert_int_eq(kernel_tables_walk(&machine.space, &walk), 0);
	ck_assert(walk.is_partial);
}
END_TEST

Suite *linux_tables_suite(void)
{
	Suite *suite = suite_create("linux_tables");
	TCase *tcase = tcase_create("four levels");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, tables_are_walked_within_a_range);
	tcase_add_test(tcase, tables_that_lead_into_each_other_end);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("five levels");
	tcase_add_checked_fixture(tcase, setup_five, teardown);
	tcase_add_test(tcase, tables_are_walked_within_a_range);
	tcase_add_test(tcase, tables_that_lead_into_each_other_end);
	suite_add_tcase(suite, tcase);
	return suite;
}
