/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/check on the kernel's page table: frames of tables, their references, and entries that
 * map unused frames. Where memory is mapped is in test_check.c.
 */
#include "unit/suites.h"

#include <string.h>

#include <pagevisor/kernel_table.h>
#include <pagevisor/x86.h>

#include "guest/mm/table_frames.h"
#include "unit/checked_machine.h"

#define ROOT       3 /* level of the root of a page table */
#define ROOT_FRAME (TABLES_PA / PAGE_SIZE)

/* An address range where nothing is mapped: mapping a page there takes a table of each level. */
#define OTHER_VA UINT64_C(0xffff960000000000)

static uint64_t target(uint64_t entry)
{
	return (entry & PTE_ADDRESS_MASK) / PAGE_SIZE;
}

/* The frame number of the table through which an address is translated. */
static uint64_t table_of(uint64_t va, unsigned level)
{
	return target(*table_entry(va, level + 1));
}

static struct kernel_page_table_meta *meta_of(uint64_t frame)
{
	return (struct kernel_page_table_meta *)slot_at(frame)->storage;
}

static void assert_no_findings(void)
{
	checked_look(CHECK_AT_REST);
	ck_assert_uint_eq(checked.findings.total, 0);
}

static void map_other(uint64_t frame)
{
	checked_map(OTHER_VA, frame * PAGE_SIZE, PAGE_SIZE);
}

START_TEST(tables_get_their_type_and_references)
{
	const uint64_t tables = checked.table_counters.puts;

	checked_look(CHECK_AT_REST);
	ck_assert_uint_eq(checked.summary.tables, tables);
	ck_assert_uint_eq(
		checked.table_counters.claimed[meta_type_index(&meta_type_kernel_page_table)],
		tables);
	ck_assert_uint_eq(
		checked.table_counters.dropped[meta_type_index(region_type(REGION_KERNEL))],
		tables);
	ck_assert_uint_eq(checked.table_counters.gets, 0);
	ck_assert_uint_eq(meta_of(ROOT_FRAME)->level, ROOT);
	ck_assert_uint_eq(meta_of(ROOT_FRAME)->va, 0);
	ck_assert_uint_eq(slot_state_refs(slot_at(ROOT_FRAME)->state), 1);
	/* First a frame of the kernel, then a table. */
	ck_assert_uint_eq(slot_state_generation(slot_at(ROOT_FRAME)->state), 1);
}
END_TEST

/* A root has two entries for one table, and that table has one for another; any frames will do. */
START_TEST(a_table_has_a_reference_for_each_entry)
{
	struct cpu_counters counters = {0};
	const frame_t frames[] = {checked.plain, checked.entry, checked.child};
	uint64_t *bytes[3];

	for (unsigned i = 0; i < 3; i++) {
		bytes[i] = platform_phys_to_virt(frame_paddr(frames[i]));
		memset(bytes[i], 0, PAGE_SIZE);
	}
	bytes[0][7] = bytes[0][400] = frame_paddr(frames[1]).addr | PTE_PRESENT;
	bytes[1][5] = frame_paddr(frames[2]).addr | PTE_PRESENT;
	bytes[1][6] = LARGE_PAGE_SIZE | PTE_PRESENT | PTE_LARGE;
	table_frames_adopt(frame_paddr(frames[0]), &counters);
	ck_assert_uint_eq(frame_references(frames[0]), 1);
	ck_assert_uint_eq(frame_references(frames[1]), 2);
	ck_assert_uint_eq(frame_references(frames[2]), 1);
	ck_assert_uint_eq(counters.gets, 1);
	ck_assert_uint_eq(counters.puts, 3);
	/* Its lowest address. */
	ck_assert_uint_eq(meta_of(number_of(frames[2]))->va, (7ul << 39) + (5ul << 30));
	ck_assert_uint_eq(meta_of(number_of(frames[2]))->level, 1);
}
END_TEST

START_TEST(a_reference_too_many_or_too_few_is_found)
{
	const uint64_t frame = table_of((uintptr_t)host_linear_base, 1);

	slot_get(slot_at(frame));
	assert_finds_only(RULE_TABLE_REFERENCES, frame);
	ck_assert_str_eq(checked.findings.list[0].expected, "1 for 1 entry");
	ck_assert_str_eq(checked.findings.list[0].found, "2");
	/* The root's reference belongs to the processors. */
	slot_at(frame)->state -= SLOT_REF_ONE;
	slot_get(slot_at(ROOT_FRAME));
	assert_finds_only(RULE_TABLE_REFERENCES, ROOT_FRAME);
}
END_TEST

START_TEST(an_entry_too_many_is_found)
{
	map_other(number_of(checked.plain));
	/* Mapped once more, by the next entry of the table above. */
	table_entry(OTHER_VA, 1)[1] = *table_entry(OTHER_VA, 1);
	assert_finds_only(RULE_TABLE_REFERENCES, table_of(OTHER_VA, 0));
	slot_get(slot_at(table_of(OTHER_VA, 0)));
	assert_no_findings();
}
END_TEST

START_TEST(an_entry_counts_once_on_all_ways_to_it)
{
	map_other(number_of(checked.plain));
	/* Maps a whole table of level 1 in two places: the frames it points at have no more entries than before. */
	table_entry(OTHER_VA, 2)[1] = *table_entry(OTHER_VA, 2);
	slot_get(slot_at(table_of(OTHER_VA, 1)));
	assert_no_findings();
}
END_TEST

START_TEST(a_table_that_is_nobodys_alone_is_found)
{
	const uint64_t frame = table_of((uintptr_t)host_linear_base, 0);

	ck_assert(slot_unshare(slot_at(frame)));
	assert_finds_only(RULE_TABLE_REFERENCES, frame);
	ck_assert_str_eq(checked.findings.list[0].found, "unique");
}
END_TEST

START_TEST(another_level_or_address_than_its_metadata_says_is_found)
{
	const uint64_t frame = table_of((uintptr_t)platform_meta_base(), 1);

	meta_of(frame)->level++;
	assert_finds_only(RULE_PAGE_TABLE, frame);
	meta_of(frame)->level--;
	meta_of(frame)->va += PAGE_SIZE;
	assert_finds_only(RULE_PAGE_TABLE, frame);
}
END_TEST

START_TEST(a_table_of_another_type_is_found)
{
	const uint64_t frame = table_of((uintptr_t)platform_meta_base(), 1);

	slot_at(frame)->vtable_ptr = slot_at(IMAGE_PA / PAGE_SIZE)->vtable_ptr;
	assert_finds_only(RULE_PAGE_TABLE, frame);
	ck_assert_str_eq(checked.findings.list[0].found, "shared kernel");
}
END_TEST

START_TEST(tables_that_no_way_leads_to_are_found)
{
	map_other(number_of(checked.plain));

	const uint64_t tables[] = {table_of(OTHER_VA, 2), table_of(OTHER_VA, 1),
				   table_of(OTHER_VA, 0)};

	*table_entry(OTHER_VA, ROOT) = 0;
	for (unsigned i = 0; i < 3; i++)
		assert_finds(RULE_LOST_TABLE, tables[i]);
	ck_assert_uint_eq(checked.findings.total, 3);
}
END_TEST

/* Frames that must not be mapped by an entry of their own. */
enum wild_frame { WILD_FREE, WILD_HOST, WILD_HOLE, WILD_FRAMES };

static uint64_t wild_frame(int i)
{
	switch (i) {
	case WILD_FREE:
		return SMALL_MACHINE_SIZE / PAGE_SIZE - 1;
	case WILD_HOST:
		return checked.parked[0].index;
	default:
		slot_at(0)->vtable_ptr = (uintptr_t)region_type(REGION_HOLE);
		return 0;
	}
}

START_TEST(an_entry_that_maps_what_is_not_in_use_is_found)
{
	const uint64_t frame = wild_frame(_i);

	map_other(frame);
	assert_finds_only(RULE_WILD_ENTRY, frame);
	/* A frame that is mapped twice is reported once. */
	table_entry(OTHER_VA, 0)[1] = *table_entry(OTHER_VA, 0);
	assert_finds_only(RULE_WILD_ENTRY, frame);
	checked_look(CHECK_ANY_INSTANT);
	ck_assert_uint_eq(checked.findings.total, 1);
}
END_TEST

START_TEST(frames_in_use_and_devices_may_be_mapped)
{
	map_other(number_of(checked.untyped));
	checked_map(OTHER_VA + PAGE_SIZE, 2 * SMALL_MACHINE_SIZE, PAGE_SIZE);
	checked_map(OTHER_VA + 2 * PAGE_SIZE, wild_frame(WILD_HOLE), PAGE_SIZE);
	*table_entry(OTHER_VA + 2 * PAGE_SIZE, 0) |= PTE_NOCACHE;
	assert_no_findings();
	/* An uncached mapping of a free frame is reported. */
	*table_entry(OTHER_VA, 0) = (SMALL_MACHINE_SIZE - PAGE_SIZE) | PTE_PRESENT | PTE_NOCACHE;
	assert_finds_only(RULE_WILD_ENTRY, SMALL_MACHINE_SIZE / PAGE_SIZE - 1);
}
END_TEST

START_TEST(a_large_page_is_looked_at_as_a_whole)
{
	const uint64_t pa = SMALL_MACHINE_SIZE - LARGE_PAGE_SIZE;

	map_other(number_of(checked.plain));
	table_entry(OTHER_VA, 1)[1] = pa | PTE_PRESENT | PTE_LARGE;
	ck_assert_uint_eq(count_unused(pa, SMALL_MACHINE_SIZE), PT_ENTRIES);
	assert_finds(RULE_WILD_ENTRY, pa / PAGE_SIZE);
	ck_assert_uint_eq(checked.findings.total, PT_ENTRIES);
}
END_TEST

START_TEST(tables_that_change_are_left_alone)
{
	map_other(number_of(checked.plain));
	slot_get(slot_at(table_of(OTHER_VA, 0)));
	*table_entry(OTHER_VA, 1) = 0;
	checked_look(CHECK_ANY_INSTANT);
	ck_assert_uint_eq(checked.findings.total, 0);
}
END_TEST

START_TEST(a_guest_without_the_type_is_not_asked_for_it)
{
	struct type_descriptor *types =
		(struct type_descriptor *)((uint8_t *)checked.info + PAGE_SIZE +
					   (uintptr_t)__start_meta_types % PAGE_SIZE);
	struct type_descriptor *type = &types[meta_type_index(&meta_type_kernel_page_table)];

	slot_get(slot_at(table_of((uintptr_t)host_linear_base, 1)));
	/* Metadata that is too short cannot hold the fields that the check reads. */
	type->size = sizeof(struct kernel_page_table_meta) - 1;
	assert_finds(RULE_KERNEL_FRAME, ROOT_FRAME);
	for (unsigned i = 0; i < checked.findings.listed; i++)
		ck_assert_ptr_eq(checked.findings.list[i].rule, RULE_KERNEL_FRAME);
}
END_TEST

Suite *check_tables_suite(void)
{
	Suite *suite = suite_create("check_tables");
	TCase *tcase = tcase_create("check_tables");

	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(tcase, checked_machine_setup, checked_machine_teardown);
	TCASE_ADD_TESTS(
		tcase, tables_get_their_type_and_references, a_table_has_a_reference_for_each_entry,
		a_reference_too_many_or_too_few_is_found, an_entry_too_many_is_found,
		an_entry_counts_once_on_all_ways_to_it, a_table_that_is_nobodys_alone_is_found,
		another_level_or_address_than_its_metadata_says_is_found,
		a_table_of_another_type_is_found, tables_that_no_way_leads_to_are_found,
		frames_in_use_and_devices_may_be_mapped, a_large_page_is_looked_at_as_a_whole,
		tables_that_change_are_left_alone, a_guest_without_the_type_is_not_asked_for_it);
	tcase_add_loop_test(tcase, an_entry_that_maps_what_is_not_in_use_is_found, 0, WILD_FRAMES);
	suite_add_tcase(suite, tcase);
	return suite;
}
