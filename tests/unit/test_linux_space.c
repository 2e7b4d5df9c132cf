/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/kernel_space.h: translation through tables of 4 and 5 levels, and copies across pages. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "kind/linux/kernel_space.h"
#include "unit/crafted_linux.h"

#define VA       (LINUX_MAP_BASE + 0x1000000)
#define HUGE     (UINT64_C(1) << 30)
#define HUGE_VA  UINT64_C(0xffffffff00000000)
#define ROOT_VA  UINT64_C(0xfffffe8000000000) /* has a root entry of its own */
#define NX       PTE_NO_EXECUTE
#define PROTNONE (UINT64_C(1) << 8) /* Linux: not present, but allocated */

static struct crafted_linux machine;

static void setup(void)
{
	linux_make(&machine, 4);
}

static void teardown(void)
{
	linux_free(&machine);
}

static int translate(uint64_t va, uint64_t *pa, uint64_t *length)
{
	paddr_t at;
	int result = kernel_space_translate(&machine.space, va, &at, length);

	*pa = at.addr;
	return result;
}

static void assert_maps(uint64_t va, uint64_t pa, uint64_t length)
{
	uint64_t at, bytes;

	ck_assert_int_eq(translate(va, &at, &bytes), 0);
	ck_assert_uint_eq(at, pa);
	ck_assert_uint_eq(bytes, length);
	ck_assert_int_eq(translate(va, &at, NULL), 0);
	ck_assert_uint_eq(at, pa);
}

static void assert_not_mapped(uint64_t va)
{
	uint64_t pa;

	ck_assert_int_eq(translate(va, &pa, NULL), -EINVAL);
}

START_TEST(pages_of_each_size_translate)
{
	linux_map(&machine, &machine.space, VA, 0x5000, 1, PTE_WRITE);
	*linux_entry(&machine, &machine.space, VA + LARGE_PAGE_SIZE, 1) = 0x600000 | PTE_PRESENT |
									  PTE_LARGE;
	*linux_entry(&machine, &machine.space, HUGE_VA, 2) = 7 * HUGE | PTE_PRESENT | PTE_LARGE;
	assert_maps(VA + 0x123, 0x5123, PAGE_SIZE - 0x123);
	assert_maps(VA + LARGE_PAGE_SIZE + 0x54321, 0x654321, LARGE_PAGE_SIZE - 0x54321);
	assert_maps(HUGE_VA + 5, 7 * HUGE + 5, HUGE - 5);
	assert_not_mapped(VA + PAGE_SIZE);
	assert_not_mapped(HUGE_VA - 1);
}
END_TEST

/* Bit 12 of a large page's entry is PAT; the lowest address bits of large pages are reserved. */
START_TEST(bits_that_are_no_address_are_left_out)
{
	linux_map(&machine, &machine.space, VA, 0x5000, 1, NX | PTE_DIRTY | UINT64_C(0x7ff) << 52);
	*linux_entry(&machine, &machine.space, VA + LARGE_PAGE_SIZE, 1) =
		0x600000 | 1 << 12 | PTE_PRESENT | PTE_LARGE | NX;
	assert_maps(VA, 0x5000, PAGE_SIZE);
	assert_maps(VA + LARGE_PAGE_SIZE, 0x600000, LARGE_PAGE_SIZE);
	/* A root with the low bits of CR3. */
	machine.space.root.addr |= 0xfff;
	assert_maps(VA, 0x5000, PAGE_SIZE);
}
END_TEST

START_TEST(five_levels_translate)
{
	const uint64_t low = UINT64_C(0xff11000000000000); /* the direct map of 5-level paging */

	machine.space = linux_new_space(&machine, 5);
	linux_map(&machine, &machine.space, low, 0x5000, 1, PTE_WRITE);
	linux_map(&machine, &machine.space, VA, 0x8000, 1, PTE_WRITE);
	assert_maps(low, 0x5000, PAGE_SIZE);
	assert_maps(VA, 0x8000, PAGE_SIZE);
	ck_assert(kernel_space_is_kernel_va(&machine.space, low));
	machine.space.levels = 4;
	assert_not_mapped(low);
	ck_assert(!kernel_space_is_kernel_va(&machine.space, low));
	machine.space.levels = 6;
	assert_not_mapped(VA);
	ck_assert(!kernel_space_is_kernel_va(&machine.space, VA));
	machine.space.levels = 0;
	assert_not_mapped(VA);
}
END_TEST

START_TEST(a_kernels_addresses_are_canonical_and_in_the_upper_half)
{
	ck_assert(kernel_space_is_kernel_va(&machine.space, VA));
	ck_assert(kernel_space_is_kernel_va(&machine.space, UINT64_MAX));
	ck_assert(kernel_space_is_kernel_va(&machine.space, UINT64_C(0xffff800000000000)));
	ck_assert(!kernel_space_is_kernel_va(&machine.space, UINT64_C(0xffff7fffffffffff)));
	ck_assert(!kernel_space_is_kernel_va(&machine.space, UINT64_C(0x00007fffffffffff)));
	ck_assert(!kernel_space_is_kernel_va(&machine.space, 0));
	assert_not_mapped(UINT64_C(0xffff7fffffffffff));
	assert_not_mapped(UINT64_C(0x0000800000000000));
}
END_TEST

START_TEST(entries_that_are_not_present_map_nothing)
{
	*linux_entry(&machine, &machine.space, VA, 0) = 0x5000 | PROTNONE | PTE_WRITE;
	*linux_entry(&machine, &machine.space, VA + LARGE_PAGE_SIZE, 1) = 0x600000 | PTE_LARGE;
	/* A large page in the root, where the processor has none. */
	*linux_entry(&machine, &machine.space, ROOT_VA, 3) = 0x5000 | PTE_PRESENT | PTE_LARGE;
	assert_not_mapped(VA);
	assert_not_mapped(VA + LARGE_PAGE_SIZE);
	assert_not_mapped(ROOT_VA);
}
END_TEST

START_TEST(tables_outside_of_the_memory_are_an_error)
{
	uint64_t pa;

	*linux_entry(&machine, &machine.space, VA, 1) = LINUX_RAM | PTE_PRESENT;
	ck_assert_int_eq(translate(VA, &pa, NULL), -EFAULT);
	*linux_entry(&machine, &machine.space, VA, 1) = 0x5000 | PTE_PRESENT | UINT64_C(1) << 51;
	ck_assert_int_eq(translate(VA, &pa, NULL), -EFAULT);
	machine.space.root = paddr(UINT64_C(0xffffffffff000));
	ck_assert_int_eq(translate(VA, &pa, NULL), -EFAULT);
}
END_TEST

/* A table that is its own child: the levels end the walk. */
START_TEST(a_table_may_refer_to_itself)
{
	uint64_t root = machine.space.root.addr, pa;

	*linux_entry(&machine, &machine.space, 0, 3) = root | PTE_PRESENT;
	ck_assert_int_eq(translate(0, &pa, NULL), 0);
	ck_assert_uint_eq(pa, root);
}
END_TEST

static struct kernel_run run_at(uint64_t va, uint64_t want, int result)
{
	struct kernel_run run;

	ck_assert_int_eq(kernel_space_run(&machine.space, va, want, &run), result);
	return run;
}

START_TEST(a_run_goes_on_as_far_as_it_is_contiguous)
{
	linux_map(&machine, &machine.space, VA, 0x5000, 3, PTE_WRITE);
	linux_map(&machine, &machine.space, VA + 3 * PAGE_SIZE, 0x9000, 2, PTE_WRITE);
	ck_assert_uint_eq(run_at(VA + 1, UINT64_MAX, 0).length, 3 * PAGE_SIZE - 1);
	ck_assert_uint_eq(run_at(VA + 1, 1, 0).length, PAGE_SIZE - 1);
	ck_assert_uint_eq(run_at(VA + 1, PAGE_SIZE, 0).length, 2 * PAGE_SIZE - 1);
	ck_assert_uint_eq(run_at(VA + 3 * PAGE_SIZE, UINT64_MAX, 0).length, 2 * PAGE_SIZE);
	/* What is not mapped ends with the table. */
	ck_assert_uint_eq(run_at(VA + 5 * PAGE_SIZE, UINT64_MAX, -EINVAL).length,
			  LARGE_PAGE_SIZE - 5 * PAGE_SIZE);
	ck_assert_uint_eq(run_at(VA + LARGE_PAGE_SIZE, UINT64_MAX, -EINVAL).length,
			  HUGE - (VA + LARGE_PAGE_SIZE) % HUGE);
	/* Or with the half of the address space. */
	ck_assert_uint_eq(run_at(PAGE_SIZE, UINT64_MAX, -EINVAL).length,
			  UINT64_C(0x800000000000) - PAGE_SIZE);
	ck_assert_uint_eq(run_at(UINT64_C(0xffff800000000000), UINT64_MAX, -EINVAL).length,
			  VA - VA % (HUGE << 9) - UINT64_C(0xffff800000000000));
	ck_assert_uint_eq(run_at(UINT64_C(0x800000000000), UINT64_MAX, -EINVAL).length, 0);
}
END_TEST

START_TEST(a_run_has_the_rights_that_all_levels_grant)
{
	linux_map(&machine, &machine.space, VA, 0x5000, 1, 0);
	linux_map(&machine, &machine.space, VA + PAGE_SIZE, 0x6000, 1, NX);
	linux_map(&machine, &machine.space, VA + 2 * PAGE_SIZE, 0x7000, 1, NX | PTE_WRITE);
	struct kernel_run run = run_at(VA, UINT64_MAX, 0);

	ck_assert(!run.is_writable && run.is_executable && run.length == PAGE_SIZE);
	run = run_at(VA + PAGE_SIZE, UINT64_MAX, 0);
	ck_assert(!run.is_writable && !run.is_executable && run.length == PAGE_SIZE);
	run = run_at(VA + 2 * PAGE_SIZE, UINT64_MAX, 0);
	ck_assert(run.is_writable && !run.is_executable && run.length == PAGE_SIZE);
	/* Without the rights of the table above, all of them are equal. */
	*linux_entry(&machine, &machine.space, VA, 1) |= NX;
	*linux_entry(&machine, &machine.space, VA, 1) &= ~PTE_WRITE;
	run = run_at(VA, UINT64_MAX, 0);
	ck_assert(!run.is_writable && !run.is_executable && run.length == 3 * PAGE_SIZE);
}
END_TEST

START_TEST(a_copy_crosses_pages)
{
	uint8_t bytes[3 * PAGE_SIZE];
	uint64_t word;

	linux_map(&machine, &machine.space, VA, 0x5000, 1, 0);
	linux_map(&machine, &machine.space, VA + PAGE_SIZE, 0x3000, 1, 0);
	linux_map(&machine, &machine.space, VA + 2 * PAGE_SIZE, 0x4000, 1, 0);
	for (unsigned i = 0; i < 3; i++)
		memset(machine.ram + 0x3000 + i * PAGE_SIZE, 'a' + (int)i, PAGE_SIZE);
	ck_assert_int_eq(kernel_space_copy(&machine.space, VA, bytes, sizeof(bytes)), 0);
	ck_assert_uint_eq(bytes[77], 'c');
	ck_assert_uint_eq(bytes[PAGE_SIZE + 77], 'a');
	ck_assert_uint_eq(bytes[2 * PAGE_SIZE + 77], 'b');
	ck_assert_int_eq(kernel_space_copy(&machine.space, VA + 4090, bytes, 10), 0);
	ck_assert_mem_eq(bytes, "ccccccaaaa", 10);
	ck_assert_int_eq(kernel_space_copy(&machine.space, VA + 1, bytes, sizeof(bytes)), -EINVAL);
	ck_assert_int_eq(kernel_space_copy(&machine.space, 1, bytes, 0), 0);
	ck_assert_int_eq(kernel_space_copy(&machine.space, UINT64_MAX, bytes, 2), -EINVAL);
	ck_assert_int_eq(kernel_space_word(&machine.space, VA + 8, &word), 0);
	ck_assert_uint_eq(word, UINT64_C(0x6363636363636363));
	ck_assert_int_eq(kernel_space_word(&machine.space, VA + 4, &word), -EINVAL);
}
END_TEST

START_TEST(a_copy_needs_its_pages_in_memory)
{
	uint8_t bytes[16];

	linux_map(&machine, &machine.space, VA, LINUX_RAM - PAGE_SIZE, 2, 0);
	ck_assert_int_eq(kernel_space_copy(&machine.space, VA + PAGE_SIZE - 16, bytes, 16), 0);
	ck_assert_int_eq(kernel_space_copy(&machine.space, VA + PAGE_SIZE - 15, bytes, 16),
			 -EFAULT);
}
END_TEST

Suite *linux_space_suite(void)
{
	Suite *suite = suite_create("linux_space");
	TCase *tcase = tcase_create("linux_space");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, pages_of_each_size_translate);
	tcase_add_test(tcase, bits_that_are_no_address_are_left_out);
	tcase_add_test(tcase, five_levels_translate);
	tcase_add_test(tcase, a_kernels_addresses_are_canonical_and_in_the_upper_half);
	tcase_add_test(tcase, entries_that_are_not_present_map_nothing);
	tcase_add_test(tcase, tables_outside_of_the_memory_are_an_error);
	tcase_add_test(tcase, a_table_may_refer_to_itself);
	tcase_add_test(tcase, a_run_goes_on_as_far_as_it_is_contiguous);
	tcase_add_test(tcase, a_run_has_the_rights_that_all_levels_grant);
	tcase_add_test(tcase, a_copy_crosses_pages);
	tcase_add_test(tcase, a_copy_needs_its_pages_in_memory);
	suite_add_tcase(suite, tcase);
	return suite;
}
