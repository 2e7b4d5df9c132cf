/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of guest/mm/page_table.h: what is mapped where, with which page sizes, and what is refused. */
#include "unit/suites.h"

#include <stdbool.h>
#include <string.h>

#include <pagemeta_platform.h>
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "guest/mm/page_table.h"

#define TABLE_FRAMES 64
#define FLAGS        (PTE_WRITE | PTE_USER)

/* Tables come from the start of a small physical memory; frame 0 is the root. */
static uint64_t frames_taken;
static uint64_t frames_limit;

/* The purpose for which the table in that frame was allocated. */
static struct {
	unsigned level;
	uint64_t va;
} taken[TABLE_FRAMES];

static bool take_frame(void *context, unsigned level, uint64_t va, paddr_t *frame)
{
	(void)context;
	if (frames_taken == frames_limit)
		return false;
	taken[frames_taken].level = level;
	taken[frames_taken].va = va;
	*frame = paddr(frames_taken++ * PAGE_SIZE);
	return true;
}

static struct page_table table = {.take_frame = take_frame};

static void setup(void)
{
	ck_assert(host_memory_create(TABLE_FRAMES * PAGE_SIZE));
	/* Old contents of a new table's frame must not matter. */
	memset(platform_phys_to_virt(paddr(PAGE_SIZE)), 0xff, (TABLE_FRAMES - 1) * PAGE_SIZE);
	frames_taken = 1;
	frames_limit = TABLE_FRAMES;
}

/* The physical address to which the processor translates va. False when there is none. */
static bool translate(uint64_t va, uint64_t *pa)
{
	uint64_t at = table.root.addr;

	for (unsigned level = PT_LEVELS; level-- > 0;) {
		const uint64_t *entries = platform_phys_to_virt(paddr(at));
		uint64_t span = pt_entry_size(level);
		uint64_t entry = entries[va / span % PT_ENTRIES];

		if (!(entry & PTE_PRESENT))
			return false;
		at = entry & PTE_ADDRESS_MASK;
		if (level == 0 || entry & PTE_LARGE) {
			*pa = align_down(at, span) + va % span;
			return true;
		}
	}
	return false;
}

static void assert_maps(uint64_t va, uint64_t expected)
{
	uint64_t pa = UINT64_MAX;

	ck_assert(translate(va, &pa));
	ck_assert_uint_eq(pa, expected);
}

static void assert_unmapped(uint64_t va)
{
	uint64_t pa;

	ck_assert(!translate(va, &pa));
}

START_TEST(maps_pages_one_by_one)
{
	const uint64_t va = FRAME_METADATA_BASE + PAGE_SIZE;

	ck_assert(page_table_map(&table, va, paddr(0x7000), 3 * PAGE_SIZE, FLAGS));
	assert_maps(va, 0x7000);
	assert_maps(va + 3 * PAGE_SIZE - 1, 0x7000 + 3 * PAGE_SIZE - 1);
	assert_unmapped(va - 1);
	assert_unmapped(va + 3 * PAGE_SIZE);
	/* The root, and one table on each of the three levels below. */
	ck_assert_uint_eq(frames_taken, 4);
}
END_TEST

START_TEST(uses_large_pages_where_both_sides_are_aligned)
{
	const uint64_t pa = 3 * LARGE_PAGE_SIZE;
	const uint64_t size = 5 * LARGE_PAGE_SIZE;

	ck_assert(page_table_map(&table, LINEAR_MAP_BASE, paddr(pa), size, FLAGS));
	assert_maps(LINEAR_MAP_BASE + size - 1, pa + size - 1);
	assert_unmapped(LINEAR_MAP_BASE + size);
	ck_assert_uint_eq(frames_taken, 3);
}
END_TEST

START_TEST(ends_a_large_range_with_small_pages)
{
	const uint64_t size = 2 * LARGE_PAGE_SIZE + 3 * PAGE_SIZE;

	ck_assert(page_table_map(&table, FRAME_METADATA_BASE, paddr(LARGE_PAGE_SIZE), size, FLAGS));
	for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE)
		assert_maps(FRAME_METADATA_BASE + offset, LARGE_PAGE_SIZE + offset);
	assert_unmapped(FRAME_METADATA_BASE + size);
	ck_assert_uint_eq(frames_taken, 4);
}
END_TEST

START_TEST(uses_small_pages_where_one_side_is_not_aligned)
{
	ck_assert(
		page_table_map(&table, LINEAR_MAP_BASE, paddr(PAGE_SIZE), LARGE_PAGE_SIZE, FLAGS));
	assert_maps(LINEAR_MAP_BASE + LARGE_PAGE_SIZE - 1, LARGE_PAGE_SIZE + PAGE_SIZE - 1);
	ck_assert_uint_eq(frames_taken, 4);
}
END_TEST

START_TEST(crosses_from_one_top_level_entry_to_the_next)
{
	const uint64_t border = LINEAR_MAP_BASE + (UINT64_C(1) << 39);

	ck_assert(page_table_map(&table, border - LARGE_PAGE_SIZE, paddr(0), 2 * LARGE_PAGE_SIZE,
				 FLAGS));
	assert_maps(border - 1, LARGE_PAGE_SIZE - 1);
	assert_maps(border, LARGE_PAGE_SIZE);
	ck_assert_uint_eq(frames_taken, 5);
}
END_TEST

START_TEST(entries_carry_the_flags)
{
	const uint64_t *root = platform_phys_to_virt(table.root);

	ck_assert(page_table_map(&table, 0, paddr(LARGE_PAGE_SIZE), LARGE_PAGE_SIZE,
				 PTE_WRITE | PTE_NOCACHE));
	const uint64_t *pdpt = platform_phys_to_virt(paddr(root[0] & PTE_ADDRESS_MASK));
	const uint64_t *pd = platform_phys_to_virt(paddr(pdpt[0] & PTE_ADDRESS_MASK));

	ck_assert_uint_eq(pd[0],
			  LARGE_PAGE_SIZE | PTE_PRESENT | PTE_WRITE | PTE_NOCACHE | PTE_LARGE);
}
END_TEST

START_TEST(refuses_to_map_twice)
{
	ck_assert(page_table_map(&table, LINEAR_MAP_BASE, paddr(0), LARGE_PAGE_SIZE, FLAGS));
	/* The same mapping again, a small page inside the large one, and a large page over small ones. */
	ck_assert(!page_table_map(&table, LINEAR_MAP_BASE, paddr(0), LARGE_PAGE_SIZE, FLAGS));
	ck_assert(!page_table_map(&table, LINEAR_MAP_BASE + PAGE_SIZE, paddr(0), PAGE_SIZE, FLAGS));
	ck_assert(page_table_map(&table, LINEAR_MAP_BASE + LARGE_PAGE_SIZE, paddr(PAGE_SIZE),
				 PAGE_SIZE, FLAGS));
	ck_assert(!page_table_map(&table, LINEAR_MAP_BASE + LARGE_PAGE_SIZE, paddr(0),
				  LARGE_PAGE_SIZE, FLAGS));
	assert_maps(LINEAR_MAP_BASE + PAGE_SIZE, PAGE_SIZE);
	assert_maps(LINEAR_MAP_BASE + LARGE_PAGE_SIZE, PAGE_SIZE);
}
END_TEST

START_TEST(refuses_addresses_inside_pages)
{
	ck_assert(!page_table_map(&table, LINEAR_MAP_BASE + 1, paddr(0), PAGE_SIZE, FLAGS));
	ck_assert(!page_table_map(&table, LINEAR_MAP_BASE, paddr(8), PAGE_SIZE, FLAGS));
	ck_assert(!page_table_map(&table, LINEAR_MAP_BASE, paddr(0), PAGE_SIZE - 1, FLAGS));
	ck_assert_uint_eq(frames_taken, 1);
}
END_TEST

START_TEST(says_when_there_is_no_frame_for_a_table)
{
	for (frames_limit = 1; frames_limit < 4; frames_limit++) {
		ck_assert(!page_table_map(&table, LINEAR_MAP_BASE, paddr(0), PAGE_SIZE, FLAGS));
		assert_unmapped(LINEAR_MAP_BASE);
	}
	ck_assert(page_table_map(&table, LINEAR_MAP_BASE, paddr(0), PAGE_SIZE, FLAGS));
}
END_TEST

START_TEST(says_what_each_table_is_for)
{
	const uint64_t va = FRAME_METADATA_BASE + 5 * LARGE_PAGE_SIZE + 3 * PAGE_SIZE;

	ck_assert(page_table_map(&table, va, paddr(0x7000), PAGE_SIZE, FLAGS));
	for (unsigned i = 1; i < 4; i++) {
		ck_assert_uint_eq(taken[i].level, PT_LEVELS - 1 - i);
		ck_assert_uint_eq(taken[i].va, align_down(va, pt_entry_size(PT_LEVELS - i)));
	}
	ck_assert_uint_eq(taken[3].va, va - 3 * PAGE_SIZE);
}
END_TEST

START_TEST(addresses_of_entries_are_canonical)
{
	ck_assert_uint_eq(pt_entry_va(0, PT_LEVELS - 1, 0), 0);
	ck_assert_uint_eq(pt_entry_va(0, PT_LEVELS - 1, 255), 0x00007f8000000000);
	ck_assert_uint_eq(pt_entry_va(0, PT_LEVELS - 1, 256), 0xffff800000000000);
	ck_assert_uint_eq(pt_entry_va(0, PT_LEVELS - 1, 511), 0xffffff8000000000);
	ck_assert_uint_eq(pt_entry_va(0xffffff8000000000, 2, 511), 0xffffffffc0000000);
	ck_assert_uint_eq(pt_entry_va(0x40000000, 1, 1), 0x40200000);
	ck_assert_uint_eq(pt_entry_va(0x40200000, 0, 511), 0x403ff000);
}
END_TEST

Suite *page_table_suite(void)
{
	Suite *suite = suite_create("page_table");
	TCase *tcase = tcase_create("page_table");

	tcase_add_checked_fixture(tcase, setup, host_memory_destroy);
	tcase_add_test(tcase, maps_pages_one_by_one);
	tcase_add_test(tcase, uses_large_pages_where_both_sides_are_aligned);
	tcase_add_test(tcase, ends_a_large_range_with_small_pages);
	tcase_add_test(tcase, uses_small_pages_where_one_side_is_not_aligned);
	tcase_add_test(tcase, crosses_from_one_top_level_entry_to_the_next);
	tcase_add_test(tcase, entries_carry_the_flags);
	tcase_add_test(tcase, refuses_to_map_twice);
	tcase_add_test(tcase, refuses_addresses_inside_pages);
	tcase_add_test(tcase, says_when_there_is_no_frame_for_a_table);
	tcase_add_test(tcase, says_what_each_table_is_for);
	tcase_add_test(tcase, addresses_of_entries_are_canonical);
	suite_add_tcase(suite, tcase);
	return suite;
}
