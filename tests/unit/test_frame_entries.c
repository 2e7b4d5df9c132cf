/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/frame_entries.h and of the walk behind it: which entries point at a frame, and hostile
 * tables.
 */
#include "unit/suites.h"

#include <string.h>
#include <sys/stat.h>

#include <pagevisor/x86.h>

#include "kind/pagevisor/frame_entries.h"
#include "kind/pagevisor/translate.h"
#include "unit/checked_machine.h"

#define ROOT 3 /* level of the root of a page table */

/* Where nothing is mapped. */
#define OTHER_VA UINT64_C(0xffff960000000000)

static struct frame_entries entries;

static uint64_t linear(uint64_t frame)
{
	return (uintptr_t)platform_phys_to_virt(paddr(frame * PAGE_SIZE));
}

static uint64_t target(uint64_t entry)
{
	return (entry & PTE_ADDRESS_MASK) / PAGE_SIZE;
}

static struct guest_memory memory;
static struct guest_view view;
static struct error err;

static void open_machine(void)
{
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), SMALL_MACHINE_SIZE, host_memory_fd(),
					  0, false, &err),
			 0);
	ck_assert_msg(guest_view_read(&memory, paddr(IMAGE_PA), &view, &err) == 0, "%s", err.text);
}

static void find(uint64_t frame)
{
	open_machine();
	ck_assert_int_eq(frame_entries_find(&memory, &view, frame, &entries, &err), 0);
	guest_memory_destroy(&memory);
}

START_TEST(every_way_to_a_frame_is_listed_by_address)
{
	const uint64_t frame = number_of(checked.plain);

	find(frame);
	ck_assert_uint_eq(entries.total, 1);
	ck_assert_uint_eq(frame_entry_va(&entries.list[0], frame), linear(frame));
	checked_map(OTHER_VA + PAGE_SIZE, frame * PAGE_SIZE, PAGE_SIZE);
	find(frame);
	ck_assert_uint_eq(entries.total, 2);
	ck_assert_uint_eq(frame_entry_va(&entries.list[1], frame), OTHER_VA + PAGE_SIZE);
	ck_assert_uint_eq(entries.list[1].index, 1);
	ck_assert_uint_eq(entries.list[1].level, 0);
	ck_assert_uint_eq(entries.list[1].table, target(*table_entry(OTHER_VA, 1)));
	ck_assert(entries.list[1].is_page);
	ck_assert_uint_eq(entries.problems.total, 0);
	ck_assert(!entries.is_cut);
}
END_TEST

/* Where an address is mapped; UINT64_MAX: nowhere, with that text. */
static uint64_t where(uint64_t va, bool has_tables, const char *why)
{
	paddr_t pa;

	open_machine();
	int result = translate(&memory, &view, va, has_tables, &pa, &err);

	guest_memory_destroy(&memory);
	if (result == 0)
		return pa.addr;
	ck_assert_msg(strstr(err.text, why) != NULL, "%s", err.text);
	return UINT64_MAX;
}

START_TEST(an_address_is_translated)
{
	const uint64_t frame = number_of(checked.plain);

	ck_assert_uint_eq(where(linear(frame) + 0x123, true, ""), frame * PAGE_SIZE + 0x123);
	ck_assert_uint_eq(where(OTHER_VA, true, "nothing is mapped"), UINT64_MAX);
	checked_map(OTHER_VA, frame * PAGE_SIZE, PAGE_SIZE);
	ck_assert_uint_eq(where(OTHER_VA + 8, true, ""), frame * PAGE_SIZE + 8);
	ck_assert_uint_eq(where(OTHER_VA + PAGE_SIZE, true, "nothing is mapped"), UINT64_MAX);
	ck_assert_uint_eq(where(UINT64_C(1) << 50, true, "not a canonical address"), UINT64_MAX);
	/* A large page, and one of 1 GiB. */
	table_entry(OTHER_VA, 1)[1] = LARGE_PAGE_SIZE | PTE_PRESENT | PTE_LARGE;
	ck_assert_uint_eq(where(OTHER_VA + LARGE_PAGE_SIZE + 0x5678, true, ""),
			  LARGE_PAGE_SIZE + 0x5678);
	table_entry(OTHER_VA, 2)[1] = PTE_PRESENT | PTE_LARGE;
	ck_assert_uint_eq(where(OTHER_VA + (1 << 30) + 0x12345678, true, ""), 0x12345678);
}
END_TEST

START_TEST(hostile_tables_translate_nothing)
{
	checked_map(OTHER_VA, 0, PAGE_SIZE);
	*table_entry(OTHER_VA, 0) = PTE_PRESENT | (UINT64_C(1) << 50);
	ck_assert_uint_eq(where(OTHER_VA, true, ""), UINT64_C(1) << 50);
	*table_entry(OTHER_VA, 1) = PTE_PRESENT | (UINT64_C(1) << 50);
	ck_assert_uint_eq(where(OTHER_VA, true, "is not in the guest's RAM"), UINT64_MAX);
	*table_entry(OTHER_VA, ROOT) = PTE_PRESENT | PTE_LARGE;
	ck_assert_uint_eq(where(OTHER_VA, true, "nothing is mapped"), UINT64_MAX);
}
END_TEST

/* In a capture of the metadata alone. */
START_TEST(without_tables_only_what_the_guest_reports_is_known)
{
	checked_map(OTHER_VA, 0, PAGE_SIZE);
	open_machine();
	guest_memory_destroy(&memory);
	ck_assert_uint_ne(view.linear_va, 0);
	ck_assert_uint_eq(where(view.linear_va + 0x5123, false, ""), 0x5123);
	ck_assert_uint_eq(where(view.kernel_start.addr + view.va_offset, false, ""),
			  view.kernel_start.addr);
	ck_assert_uint_eq(where(OTHER_VA, false, "known without page tables"), UINT64_MAX);
	ck_assert_uint_eq(where(view.linear_va + view.slot_count * PAGE_SIZE, false,
				"known without page tables"),
			  UINT64_MAX);
}
END_TEST

START_TEST(large_pages_hold_many_frames)
{
	const uint64_t frame = number_of(checked.plain);
	const uint64_t pa = align_down(frame * PAGE_SIZE, LARGE_PAGE_SIZE);

	checked_map(OTHER_VA, 0, PAGE_SIZE);
	table_entry(OTHER_VA, 1)[1] = pa | PTE_PRESENT | PTE_LARGE;
	find(frame);
	ck_assert_uint_eq(entries.total, 2);
	ck_assert_uint_eq(entries.list[1].level, 1);
	ck_assert_uint_eq(frame_entry_va(&entries.list[1], frame),
			  OTHER_VA + LARGE_PAGE_SIZE + (frame * PAGE_SIZE - pa));
	/* The neighbours on both sides of the large page have no second entry. */
	find(pa / PAGE_SIZE + PT_ENTRIES);
	ck_assert_uint_eq(entries.total, 1);
	find(pa / PAGE_SIZE - 1);
	ck_assert_uint_eq(entries.total, 1);
	/* 1 GiB from address 0 on contains the whole small machine. */
	table_entry(OTHER_VA, 2)[1] = PTE_PRESENT | PTE_LARGE;
	find(frame);
	ck_assert_uint_eq(entries.total, 3);
	ck_assert_uint_eq(entries.list[2].level, 2);
}
END_TEST

START_TEST(a_table_is_pointed_at_by_the_table_above)
{
	checked_map(OTHER_VA, 0, PAGE_SIZE);
	find(target(*table_entry(OTHER_VA, 1)));
	/* As a table, and as ordinary memory: by the image's mapping and the linear one. */
	ck_assert_uint_eq(entries.total, 3);
	for (unsigned i = 0; i < 3; i++)
		if (!entries.list[i].is_page)
			ck_assert_uint_eq(entries.list[i].va, OTHER_VA);
	ck_assert_int_eq(
		entries.list[0].is_page + entries.list[1].is_page + entries.list[2].is_page, 2);
}
END_TEST

START_TEST(rights_are_those_of_all_entries_on_the_way)
{
	const uint64_t frame = number_of(checked.untyped);

	checked_map(OTHER_VA, frame * PAGE_SIZE, PAGE_SIZE);
	find(frame);
	ck_assert_uint_eq(entries.list[1].rights, PTE_WRITE);
	*table_entry(OTHER_VA, 0) |= PTE_USER;
	find(frame);
	ck_assert_uint_eq(entries.list[1].rights, PTE_WRITE | PTE_USER);
	*table_entry(OTHER_VA, ROOT) &= ~PTE_WRITE;
	*table_entry(OTHER_VA, 1) |= PTE_NO_EXECUTE;
	find(frame);
	ck_assert_uint_eq(entries.list[1].rights, PTE_USER | PTE_NO_EXECUTE);
}
END_TEST

START_TEST(tables_that_point_at_themselves_are_said)
{
	const uint64_t frame = number_of(checked.plain);

	table_entry(0, ROOT)[400] = TABLES_PA | PTE_PRESENT;
	table_entry(0, ROOT)[401] = PTE_ADDRESS_MASK | PTE_PRESENT;
	find(frame);
	ck_assert_uint_eq(entries.total, 1);
	ck_assert_uint_eq(entries.problems.total, 2);
	ck_assert_str_eq(entries.problems.list[0].found, "also one of level 2");
}
END_TEST

/* Four levels whose entries are all the same: 2^36 paths to one frame. */
START_TEST(ways_without_end_end)
{
	const uint64_t first = TABLES_PA + 100 * PAGE_SIZE;

	for (unsigned level = 0; level < 3; level++) {
		uint64_t *table = platform_phys_to_virt(paddr(first + level * PAGE_SIZE));

		for (unsigned i = 0; i < PT_ENTRIES; i++)
			table[i] = (first + (level + 1) * PAGE_SIZE) | PTE_PRESENT;
	}
	table_entry(0, ROOT)[400] = first | PTE_PRESENT;
	find(first / PAGE_SIZE + 3);
	ck_assert(entries.is_cut);
	ck_assert_uint_gt(entries.total, FRAME_ENTRIES_MAX);
	ck_assert_uint_eq(entries.listed, FRAME_ENTRIES_MAX);
	ck_assert_uint_eq(entries.problems.total, 1);
}
END_TEST

START_TEST(a_guest_that_names_no_table_has_no_entries)
{
	checked.info->page_table_pa = 0;
	find(number_of(checked.plain));
	ck_assert_uint_eq(entries.total, 0);
	ck_assert_uint_eq(entries.problems.total, 0);
	checked.info->page_table_pa = UINT64_MAX;
	find(number_of(checked.plain));
	ck_assert_uint_eq(entries.problems.total, 1);
}
END_TEST

START_TEST(looking_fills_no_holes)
{
	struct stat before, after;

	/*
	 * A table in a frame that was never written: it has no entries, and reading it takes none of the file's blocks.
	 */
	table_entry(0, ROOT)[400] = (SMALL_MACHINE_SIZE - PAGE_SIZE) | PTE_PRESENT;
	ck_assert_int_eq(fstat(host_memory_fd(), &before), 0);
	find(number_of(checked.plain));
	ck_assert_int_eq(fstat(host_memory_fd(), &after), 0);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
}
END_TEST

Suite *frame_entries_suite(void)
{
	Suite *suite = suite_create("frame_entries");
	TCase *tcase = tcase_create("frame_entries");

	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(tcase, checked_machine_setup, checked_machine_teardown);
	TCASE_ADD_TESTS(tcase, every_way_to_a_frame_is_listed_by_address,
			large_pages_hold_many_frames, a_table_is_pointed_at_by_the_table_above,
			rights_are_those_of_all_entries_on_the_way,
			tables_that_point_at_themselves_are_said, ways_without_end_end,
			a_guest_that_names_no_table_has_no_entries, looking_fills_no_holes,
			an_address_is_translated, hostile_tables_translate_nothing,
			without_tables_only_what_the_guest_reports_is_known);
	suite_add_tcase(suite, tcase);
	return suite;
}
