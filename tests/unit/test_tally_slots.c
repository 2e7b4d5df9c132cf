/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of adding up slots and of the audit, over a crafted guest: vmm/kind/pagevisor/tally_slots.h and audit.h. */
#include "unit/suites.h"

#include <sys/stat.h>

#include "kind/pagevisor/audit.h"
#include "kind/pagevisor/rules.h"
#include "unit/crafted_guest.h"
#include "unit/small_guest.h"

/* Adds up and audits; the view has to be good. */
static void look(void)
{
	struct cpu_counters sum;

	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(guest_tally(crafted_guest(&memory, &view), &tally, &findings), 0);
	ck_assert_int_eq(guest_view_counters(&view, &memory, &sum), 0);
	audit(&view, &tally, &sum, &findings);
}

static void assert_only_finding(const char *rule, uint64_t frame)
{
	ck_assert_uint_eq(findings.total, 1);
	ck_assert_ptr_eq(findings.list[0].rule, rule);
	if (findings.list[0].has_frame)
		ck_assert_uint_eq(findings.list[0].frame.addr, frame * PAGE_SIZE);
}

START_TEST(a_clean_array_has_no_findings)
{
	set_slot(1, 5, type_va(TYPE_ANON));
	set_slot(2, REF_UNIQUE, type_va(TYPE_ANON));
	set_slot(3, REF_HOST, 0);
	counters->claimed[TYPE_ANON] = 3;
	counters->dropped[TYPE_ANON] = 1;
	counters->gets = 5;
	counters->puts = 2;
	look();
	ck_assert_uint_eq(findings.total, 0);
	ck_assert_uint_eq(tally.types[TYPE_ANON], 2);
	ck_assert_uint_eq(tally.references, META_PAGES + 6);
	ck_assert_uint_eq(tally.states[REF_CLASS_UNUSED], SLOTS - META_PAGES - 3);
	ck_assert_uint_eq(tally.states[REF_CLASS_HOST], 1);
	ck_assert_uint_eq(tally.reads.slots, SLOTS);
}
END_TEST

START_TEST(an_illegal_count_is_found)
{
	set_slot(7, REF_MAX_HELD + 1, type_va(TYPE_ANON));
	look();
	assert_only_finding(RULE_ILLEGAL_REFERENCES, 7);
}
END_TEST

START_TEST(a_wild_vtable_is_found)
{
	set_slot(9, 1, type_va(TYPE_ANON) + 1);
	counters->gets = 1; /* the books agree on the reference */
	look();
	assert_only_finding(RULE_WILD_VTABLE, 9);
}
END_TEST

START_TEST(a_metadata_frame_of_another_type_is_found)
{
	const unsigned frame = ARRAY_PA / PAGE_SIZE + 1;

	set_slot(frame, 1, type_va(TYPE_ANON));
	counters->claimed[TYPE_META_PAGE]--;
	counters->claimed[TYPE_ANON]++;
	look();
	assert_only_finding(RULE_META_PAGE, frame);
}
END_TEST

START_TEST(a_metadata_frame_that_is_unused_is_found)
{
	const unsigned frame = ARRAY_PA / PAGE_SIZE;

	set_slot(frame, REF_UNUSED, 0);
	counters->claimed[TYPE_META_PAGE]--;
	look();
	assert_only_finding(RULE_META_PAGE, frame);
}
END_TEST

START_TEST(counts_that_disagree_are_found)
{
	set_slot(5, 1, type_va(TYPE_ANON));
	counters->gets = 1;
	look();
	assert_only_finding(RULE_TYPE_COUNT, 0);
}
END_TEST

START_TEST(references_that_disagree_are_found)
{
	counters->puts = 1;
	look();
	assert_only_finding(RULE_REFERENCE_COUNT, 0);
}
END_TEST

START_TEST(a_slot_left_busy_is_found)
{
	set_slot(5, REF_BUSY, 0);
	look();
	assert_only_finding(RULE_BUSY_AT_END, 5);
	ck_assert(findings.list[0].has_frame);
}
END_TEST

START_TEST(of_slots_left_busy_the_first_is_named)
{
	set_slot(SLOTS - 1, REF_BUSY, 0);
	set_slot(7, REF_BUSY, 0);
	look();
	assert_only_finding(RULE_BUSY_AT_END, 7);
	ck_assert_str_eq(findings.list[0].found, "2");
}
END_TEST

START_TEST(a_finding_is_listed_once)
{
	struct findings again;

	set_slot(7, REF_MAX_HELD + 1, 0);
	look();
	ck_assert_int_eq(guest_tally(crafted_guest(&memory, &view), &tally, &again), 0);
	findings_merge(&findings, &again);
	assert_only_finding(RULE_ILLEGAL_REFERENCES, 7);
}
END_TEST

START_TEST(many_findings_are_counted_once)
{
	struct findings again;

	for (unsigned i = 100; i < 100 + 2 * FINDINGS_MAX; i++)
		set_slot(i, REF_MAX_HELD + 1, 0);
	look();
	ck_assert_int_eq(guest_tally(crafted_guest(&memory, &view), &tally, &again), 0);
	findings_merge(&findings, &again);
	ck_assert_uint_eq(findings.total, 2 * FINDINGS_MAX);
	ck_assert_uint_eq(findings.listed, FINDINGS_MAX);
}
END_TEST

START_TEST(a_written_page_between_holes_is_scanned)
{
	const unsigned slots_of_page = PAGE_SIZE / SLOT_SIZE;

	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, ARRAY_PA,
				   SLOTS * SLOT_SIZE),
			 0);
	set_slot(slots_of_page + 3, REF_MAX_HELD + 1, 0);
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(guest_tally(crafted_guest(&memory, &view), &tally, &findings), 0);
	ck_assert_uint_eq(tally.holes, SLOTS - slots_of_page);
	ck_assert_uint_eq(tally.reads.slots, slots_of_page);
	assert_only_finding(RULE_ILLEGAL_REFERENCES, slots_of_page + 3);
}
END_TEST

START_TEST(an_array_in_a_hole_is_not_touched)
{
	struct stat before, after;

	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, ARRAY_PA,
				   SLOTS * SLOT_SIZE),
			 0);
	ck_assert_int_eq(fstat(fd, &before), 0);
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(guest_tally(crafted_guest(&memory, &view), &tally, &findings), 0);
	ck_assert_int_eq(fstat(fd, &after), 0);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
	ck_assert_uint_eq(tally.holes, SLOTS);
	ck_assert_uint_eq(tally.reads.slots, 0);
}
END_TEST

Suite *tally_slots_suite(void)
{
	Suite *suite = suite_create("tally_slots");
	TCase *tcase = tcase_create("tally_slots");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_clean_array_has_no_findings);
	tcase_add_test(tcase, an_illegal_count_is_found);
	tcase_add_test(tcase, a_wild_vtable_is_found);
	tcase_add_test(tcase, a_metadata_frame_of_another_type_is_found);
	tcase_add_test(tcase, a_metadata_frame_that_is_unused_is_found);
	tcase_add_test(tcase, counts_that_disagree_are_found);
	tcase_add_test(tcase, references_that_disagree_are_found);
	tcase_add_test(tcase, a_slot_left_busy_is_found);
	tcase_add_test(tcase, of_slots_left_busy_the_first_is_named);
	tcase_add_test(tcase, a_finding_is_listed_once);
	tcase_add_test(tcase, many_findings_are_counted_once);
	tcase_add_test(tcase, a_written_page_between_holes_is_scanned);
	tcase_add_test(tcase, an_array_in_a_hole_is_not_touched);
	suite_add_tcase(suite, tcase);
	return suite;
}
