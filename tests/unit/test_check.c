/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/check: a machine in use has no findings; a machine broken in one way has the finding for
 * that. Free lists are in test_check_free_lists.c.
 */
#include "unit/suites.h"

#include <string.h>
#include <sys/stat.h>

#include <pagevisor/x86.h>

#include "unit/checked_machine.h"

#define ROOT 3 /* level of the root of a page table */

/* An address range where nothing is mapped. */
#define OTHER_VA UINT64_C(0xffff960000000000)

static uint64_t linear(uint64_t pa)
{
	return (uintptr_t)platform_phys_to_virt(paddr(pa));
}

static void set_refs(uint64_t frame, uint32_t refs)
{
	struct meta_slot *slot = slot_at(frame);

	slot->state = slot_state(slot_state_generation(slot->state), refs);
}

static struct list_link *link_at(unsigned i)
{
	return (struct list_link *)&slot_at(checked.listed[i].index)->storage[1];
}

static void assert_nothing_found(void)
{
	char text[256] = "";

	if (checked.findings.listed)
		finding_format(&checked.findings.list[0], text, sizeof(text));
	ck_assert_msg(checked.findings.total == 0, "%s", text);
}

START_TEST(a_machine_in_use_has_no_findings)
{
	checked_look(CHECK_AT_REST);
	assert_nothing_found();
	ck_assert(checked.summary.has_lists);
	ck_assert(checked.summary.has_references);
	ck_assert_uint_eq(checked.summary.list_members, 4);
	/* Three of the tree, three of the table, two others, five of the run and four of the list. */
	ck_assert_uint_eq(checked.summary.held_frames, 17);
	ck_assert_uint_eq(checked.summary.free_frames,
			  count_unused(0, SMALL_MACHINE_SIZE) + 2 + KEPT_FRAMES /* parked */);
	ck_assert_uint_eq(checked.summary.host_frames, 2 + KEPT_FRAMES);
	ck_assert_uint_ge(checked.summary.tables, 7);
}
END_TEST

START_TEST(nor_has_one_that_was_stopped_anywhere)
{
	checked.info->boot_stage = STAGE_RUNNING;
	checked_look(CHECK_ANY_INSTANT);
	assert_nothing_found();
	/* What may be in progress: a frame between two lists, a reference in a register. */
	checked.references[0] = 0;
	*cache_count(0, checked.allocator->cache_freed_count) -= 1;
	set_refs(number_of(checked.plain), REF_BUSY);
	checked_look(CHECK_ANY_INSTANT);
	assert_nothing_found();
	ck_assert(checked.summary.has_lists);
	ck_assert(!checked.summary.has_references);
}
END_TEST

/* Whether a part of the last check was left out, and the facts name it. */
static bool is_named_gap(const char *key)
{
	struct facts facts = {0};

	check_summary_facts(&checked.summary, &facts);
	const struct fact *fact = facts_find(&facts, key);

	ck_assert(fact && fact->use & FACT_IS_GAP && fact->label);
	return !fact->value;
}

START_TEST(parts_that_were_left_out_are_named)
{
	checked_look(CHECK_AT_REST);
	ck_assert(!is_named_gap("has_lists"));
	ck_assert(!is_named_gap("has_references"));
	ck_assert(!is_named_gap("has_all_tables"));
	checked_look(CHECK_ANY_INSTANT);
	ck_assert(!is_named_gap("has_lists"));
	ck_assert(is_named_gap("has_references"));
	checked.info->allocator_pa = 0;
	checked_look(CHECK_AT_REST);
	ck_assert(is_named_gap("has_lists"));
}
END_TEST

START_TEST(looking_leaves_memory_as_it_was)
{
	struct snapshot before = snapshot_take();
	struct stat first, second;

	ck_assert_int_eq(fstat(host_memory_fd(), &first), 0);
	checked_look(CHECK_AT_REST);
	ck_assert_int_eq(fstat(host_memory_fd(), &second), 0);
	ck_assert_int_eq(first.st_blocks, second.st_blocks);
	snapshot_check(&before);
}
END_TEST

START_TEST(a_guest_that_says_nothing_of_all_this_has_no_findings)
{
	checked.info->array_va = checked.info->linear_va = 0;
	checked.info->page_table_pa = checked.info->allocator_pa = 0;
	checked_look(CHECK_AT_REST);
	assert_nothing_found();
	ck_assert(!checked.summary.has_lists);
	ck_assert(!checked.summary.has_references);
	ck_assert_uint_eq(checked.summary.tables, 0);
}
END_TEST

START_TEST(slots_past_the_end_of_ram_are_refused)
{
	checked.info->slot_count++;
	checked.info->max_paddr += PAGE_SIZE;
	assert_finds_only(RULE_SLOT_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(a_frame_of_the_image_that_lost_its_type_is_found)
{
	const uint64_t frame = (IMAGE_PA + IMAGE_SIZE) / PAGE_SIZE - 1;

	slot_at(frame)->vtable_ptr = slot_at(0)->vtable_ptr;
	assert_finds_only(RULE_KERNEL_FRAME, frame);
}
END_TEST

START_TEST(an_image_frame_that_was_freed_is_found)
{
	const uint64_t frame = IMAGE_PA / PAGE_SIZE;

	set_refs(frame, REF_UNUSED);
	assert_finds(RULE_KERNEL_FRAME, frame);
}
END_TEST

START_TEST(a_slot_that_stays_busy_is_found)
{
	checked.info->boot_stage = STAGE_RUNNING;
	set_refs(number_of(checked.plain), REF_BUSY);
	assert_finds_only(RULE_STUCK_BUSY, number_of(checked.plain));
}
END_TEST

/* References: each test removes the only one to a frame. */
START_TEST(a_frame_without_reference_is_found)
{
	/* In the order in which checked_machine.c refers to them: tree, table, plain, untyped. */
	const frame_t frames[] = {checked.tree, checked.table, checked.plain, checked.untyped};

	checked.references[_i] = 0;
	assert_finds(RULE_LEAKED_FRAME, number_of(frames[_i]));
}
END_TEST

START_TEST(a_leak_is_the_only_finding)
{
	checked.references[2] = 0;
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.plain));
}
END_TEST

START_TEST(a_check_that_is_cut_short_concludes_nothing_of_the_rest)
{
	checked.references[2] = 0;
	checked.cut = 1;
	checked_look(CHECK_AT_REST);
	checked.cut = 0;
	ck_assert(checked.summary.is_cut);
	ck_assert(!checked.summary.has_references);
	ck_assert_uint_eq(checked.findings.total, 0);
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.plain));
	ck_assert(!checked.summary.is_cut);
}
END_TEST

START_TEST(what_only_a_leaked_frame_refers_to_is_leaked)
{
	checked.references[0] = 0;
	assert_finds(RULE_LEAKED_FRAME, number_of(checked.left));
	ck_assert_uint_eq(checked.findings.total, 3);
}
END_TEST

START_TEST(a_reference_in_metadata_counts)
{
	checked.tree.slot->storage[1] = 0;
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.left));
}
END_TEST

START_TEST(a_slot_in_the_bytes_of_a_frame_counts)
{
	((uint64_t *)platform_phys_to_virt(frame_paddr(checked.table)))[5] = 0;
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.entry));
}
END_TEST

START_TEST(a_physical_address_in_the_bytes_of_a_frame_counts)
{
	((uint64_t *)platform_phys_to_virt(frame_paddr(checked.table)))[511] = 0;
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.child));
}
END_TEST

START_TEST(a_run_of_frames_is_referred_to_as_a_whole)
{
	/* Follows the tree, the table, the plain and the untyped frame: the first frame's number, and the length. */
	uint64_t *run = &checked.references[4];

	run[1]++;
	assert_finds(RULE_LEAKED_FRAME, checked.run.first.index);
	ck_assert_uint_eq(checked.findings.total, 5);
	run[0]++;
	run[1] = 4;
	assert_finds_only(RULE_LEAKED_FRAME, checked.run.first.index);
}
END_TEST

START_TEST(bytes_that_anyone_may_write_do_not)
{
	*(uint64_t *)platform_phys_to_virt(frame_paddr(checked.untyped)) =
		(uintptr_t)checked.plain.slot;
	checked.references[2] = 0;
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.plain));
}
END_TEST

START_TEST(mappings_of_all_ram_do_not)
{
	const uint64_t pa = frame_paddr(checked.plain).addr;

	checked_map(pa + (_i ? checked.info->kernel_va_offset : 0), pa, PAGE_SIZE);
	checked.references[2] = 0;
	assert_finds_only(RULE_LEAKED_FRAME, number_of(checked.plain));
}
END_TEST

START_TEST(a_run_with_a_gap_is_none)
{
	set_refs(checked.run.first.index + 2, REF_BUSY);
	assert_finds(RULE_LEAKED_FRAME, checked.run.first.index);
	ck_assert_uint_eq(checked.findings.total, 4);
}
END_TEST

START_TEST(a_mapping_outside_of_the_known_ones_counts)
{
	checked_map(OTHER_VA, frame_paddr(checked.plain).addr, PAGE_SIZE);
	checked.references[2] = 0;
	checked_look(CHECK_AT_REST);
	assert_nothing_found();
}
END_TEST

/* Frame lists. */

START_TEST(links_that_do_not_match_are_found)
{
	link_at(2)->previous = link_at(1)->previous;
	assert_finds(RULE_LIST_LINK, checked.listed[1].index);
	assert_finds(RULE_LIST_LINK, checked.listed[2].index);
}
END_TEST

START_TEST(a_link_outside_of_the_array_is_found)
{
	link_at(1)->next = UINT64_MAX;
	assert_finds(RULE_LIST_LINK, checked.listed[1].index);
	link_at(1)->next = machine.array.slots + 1;
	assert_finds(RULE_LIST_LINK, checked.listed[1].index);
}
END_TEST

START_TEST(a_link_to_a_frame_of_another_type_is_found)
{
	link_at(3)->next = number_of(checked.plain) + 1;
	assert_finds(RULE_LIST_LINK, checked.listed[3].index);
}
END_TEST

START_TEST(a_link_to_a_unique_frame_of_another_type_is_found)
{
	set_refs(number_of(checked.plain), REF_UNIQUE);
	link_at(3)->next = number_of(checked.plain) + 1;
	assert_finds_only(RULE_LIST_LINK, checked.listed[3].index);
	ck_assert_str_eq(checked.findings.list[0].found, "unique node");
}
END_TEST

START_TEST(links_that_are_being_changed_are_not_looked_at)
{
	link_at(1)->next = UINT64_MAX;
	checked_look(CHECK_ANY_INSTANT);
	assert_nothing_found();
}
END_TEST

START_TEST(a_slot_of_the_image_that_was_zeroed_is_found)
{
	memset(slot_at(IMAGE_PA / PAGE_SIZE), 0, SLOT_SIZE);
	assert_finds_only(RULE_KERNEL_FRAME, IMAGE_PA / PAGE_SIZE);
}
END_TEST

START_TEST(a_neighbour_in_another_list_is_found)
{
	link_at(1)->list += 5;
	assert_finds(RULE_LIST_LINK, checked.listed[1].index);
}
END_TEST

START_TEST(a_link_outside_of_a_list_is_found)
{
	/* Correctly taken out of the list, except for one word. */
	*link_at(2) = (struct list_link){.previous = link_at(3)->previous, .next = 0};
	link_at(1)->next = 0;
	assert_finds(RULE_LIST_LINK, checked.listed[2].index);
}
END_TEST

START_TEST(a_list_without_a_first_frame_is_found)
{
	link_at(0)->previous = checked.listed[3].index + 1;
	link_at(3)->next = checked.listed[0].index + 1;
	checked_look(CHECK_AT_REST);
	assert_finds(RULE_LIST_LINK, checked.listed[0].index < checked.listed[3].index
					     ? checked.listed[0].index
					     : checked.listed[3].index);
}
END_TEST

START_TEST(frames_behind_a_broken_link_are_not_leaked)
{
	link_at(0)->next = 0;
	assert_finds(RULE_LIST_LINK, checked.listed[1].index);
	ck_assert_uint_eq(checked.findings.total, 1);
	/* A cycle that nothing refers to is reported as leaked. */
	link_at(0)->next = checked.listed[1].index + 1;
	link_at(0)->previous = checked.listed[3].index + 1;
	link_at(3)->next = checked.listed[0].index + 1;
	assert_finds(RULE_LEAKED_FRAME, checked.listed[2].index);
}
END_TEST

START_TEST(a_list_that_runs_into_itself_ends_the_walk)
{
	link_at(3)->next = checked.listed[1].index + 1;
	assert_finds(RULE_LIST_LINK, checked.listed[3].index);
}
END_TEST

START_TEST(a_link_place_past_the_storage_is_not_followed)
{
	struct type_descriptor *types =
		(struct type_descriptor *)((uint8_t *)checked.info + PAGE_SIZE +
					   (uintptr_t)__start_meta_types % PAGE_SIZE);

	for (unsigned i = 0; i < checked.info->type_count; i++)
		types[i].link_place = 5;
	slot_at(checked.listed[0].index)->storage[4] = 9;
	/* Without links, no other frame refers to it. */
	assert_finds(RULE_LEAKED_FRAME, checked.listed[0].index);
	for (unsigned i = 0; i < checked.findings.listed; i++)
		ck_assert_ptr_ne(checked.findings.list[i].rule, RULE_LIST_LINK);
}
END_TEST

/* The page table. */

START_TEST(a_table_that_points_at_itself_is_found)
{
	uint64_t *entry = table_entry(0, ROOT);

	entry[400] = TABLES_PA | PTE_PRESENT;
	assert_finds_only(RULE_PAGE_TABLE, TABLES_PA / PAGE_SIZE);
}
END_TEST

START_TEST(a_table_at_two_levels_is_found)
{
	uint64_t *entry = table_entry(linear(0), 1);
	uint64_t deeper = *entry & PTE_ADDRESS_MASK;

	table_entry(0, ROOT)[400] = deeper | PTE_PRESENT;
	assert_finds(RULE_PAGE_TABLE, deeper / PAGE_SIZE);
}
END_TEST

START_TEST(a_table_outside_of_ram_is_found)
{
	table_entry(0, ROOT)[400] = SMALL_MACHINE_SIZE | PTE_PRESENT;
	assert_finds_only(RULE_PAGE_TABLE, WHOLE_GUEST);
	table_entry(0, ROOT)[400] = PTE_ADDRESS_MASK | PTE_PRESENT;
	assert_finds_only(RULE_PAGE_TABLE, WHOLE_GUEST);
}
END_TEST

START_TEST(a_root_outside_of_ram_is_found)
{
	checked.info->page_table_pa = UINT64_MAX;
	assert_finds(RULE_PAGE_TABLE, WHOLE_GUEST);
}
END_TEST

START_TEST(a_table_in_a_free_frame_is_found)
{
	table_entry(0, ROOT)[400] = (SMALL_MACHINE_SIZE - PAGE_SIZE) | PTE_PRESENT;
	assert_finds_only(RULE_PAGE_TABLE, SMALL_MACHINE_SIZE / PAGE_SIZE - 1);
}
END_TEST

START_TEST(a_table_in_a_free_frame_with_the_look_of_a_type_is_found)
{
	const uint64_t frame = number_of(checked.plain);

	set_refs(frame, REF_BUSY);
	memset(platform_phys_to_virt(frame_paddr(checked.plain)), 0, PAGE_SIZE);
	table_entry(0, ROOT)[400] = frame_paddr(checked.plain).addr | PTE_PRESENT;
	assert_finds_only(RULE_PAGE_TABLE, frame);
}
END_TEST

START_TEST(a_table_in_an_untyped_frame_is_found)
{
	memset(platform_phys_to_virt(frame_paddr(checked.untyped)), 0, PAGE_SIZE);
	table_entry(0, ROOT)[400] = frame_paddr(checked.untyped).addr | PTE_PRESENT;
	assert_finds_only(RULE_PAGE_TABLE, number_of(checked.untyped));
}
END_TEST

START_TEST(a_large_page_in_the_root_is_found)
{
	table_entry(0, ROOT)[400] = PTE_PRESENT | PTE_LARGE;
	assert_finds_only(RULE_PAGE_TABLE, TABLES_PA / PAGE_SIZE);
}
END_TEST

/* Tables shared by all entries of the level above, in four levels: as many tables as there are pages. */
START_TEST(endless_tables_end)
{
	const uint64_t first = TABLES_PA + 100 * PAGE_SIZE;

	table_entry(0, ROOT)[400] = first | PTE_PRESENT;
	for (unsigned level = 0; level < 2; level++) {
		uint64_t *table = platform_phys_to_virt(paddr(first + level * PAGE_SIZE));

		for (unsigned i = 0; i < PT_ENTRIES; i++)
			table[i] = (first + (level + 1) * PAGE_SIZE) | PTE_PRESENT;
	}
	assert_finds(RULE_PAGE_TABLE, (first + 2 * PAGE_SIZE) / PAGE_SIZE);
}
END_TEST

/* The address of a page of the image, the linear mapping or the metadata, for tests that map it wrongly or unmap it. */
static uint64_t mapped_va(int i)
{
	const uint64_t addresses[] = {IMAGE_PA + checked.info->kernel_va_offset + PAGE_SIZE,
				      linear(5 * MIB), (uintptr_t)platform_meta_base() + PAGE_SIZE};

	return addresses[i];
}

START_TEST(memory_mapped_elsewhere_is_found)
{
	*table_entry(mapped_va(_i), 0) += PAGE_SIZE;
	assert_finds_only(RULE_MAPPING, WHOLE_GUEST);
}
END_TEST

START_TEST(memory_that_is_not_mapped_is_found)
{
	*table_entry(mapped_va(_i), 0) = 0;
	assert_finds_only(RULE_MAPPING, WHOLE_GUEST);
}
END_TEST

Suite *check_suite(void)
{
	Suite *suite = suite_create("check");
	TCase *tcase = tcase_create("check");

	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(tcase, checked_machine_setup, checked_machine_teardown);
	TCASE_ADD_TESTS(
		tcase, frames_behind_a_broken_link_are_not_leaked,
		a_table_in_a_free_frame_with_the_look_of_a_type_is_found, a_run_with_a_gap_is_none,
		a_link_to_a_unique_frame_of_another_type_is_found,
		links_that_are_being_changed_are_not_looked_at,
		a_slot_of_the_image_that_was_zeroed_is_found,
		a_run_of_frames_is_referred_to_as_a_whole, a_machine_in_use_has_no_findings,
		nor_has_one_that_was_stopped_anywhere, parts_that_were_left_out_are_named,
		looking_leaves_memory_as_it_was,
		a_guest_that_says_nothing_of_all_this_has_no_findings,
		slots_past_the_end_of_ram_are_refused,
		a_frame_of_the_image_that_lost_its_type_is_found,
		an_image_frame_that_was_freed_is_found, a_slot_that_stays_busy_is_found,
		a_leak_is_the_only_finding, a_check_that_is_cut_short_concludes_nothing_of_the_rest,
		what_only_a_leaked_frame_refers_to_is_leaked, a_reference_in_metadata_counts,
		a_slot_in_the_bytes_of_a_frame_counts,
		a_physical_address_in_the_bytes_of_a_frame_counts,
		bytes_that_anyone_may_write_do_not, a_mapping_outside_of_the_known_ones_counts,
		links_that_do_not_match_are_found, a_link_outside_of_the_array_is_found,
		a_link_to_a_frame_of_another_type_is_found, a_neighbour_in_another_list_is_found,
		a_link_outside_of_a_list_is_found, a_list_without_a_first_frame_is_found,
		a_list_that_runs_into_itself_ends_the_walk,
		a_link_place_past_the_storage_is_not_followed,
		a_table_that_points_at_itself_is_found, a_table_at_two_levels_is_found,
		a_table_outside_of_ram_is_found, a_root_outside_of_ram_is_found,
		a_table_in_a_free_frame_is_found, a_table_in_an_untyped_frame_is_found,
		a_large_page_in_the_root_is_found, endless_tables_end);
	tcase_add_loop_test(tcase, mappings_of_all_ram_do_not, 0, 2);
	tcase_add_loop_test(tcase, a_frame_without_reference_is_found, 0, 4);
	tcase_add_loop_test(tcase, memory_mapped_elsewhere_is_found, 0, 3);
	tcase_add_loop_test(tcase, memory_that_is_not_mapped_is_found, 0, 3);
	suite_add_tcase(suite, tcase);
	return suite;
}
