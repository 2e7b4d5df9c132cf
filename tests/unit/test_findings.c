/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/findings.h: the findings that two samples share. */
#include "unit/suites.h"

#include <stdio.h>

#include "kind/findings.h"
#include "kind/pagevisor/rules.h"

static struct findings first;
static struct findings second;

static void setup(void)
{
	first = second = (struct findings){0};
}

static void add(struct findings *findings, const char *rule, uint64_t frame, const char *found)
{
	struct finding finding = {.rule = rule, .has_frame = true, .frame = paddr(frame)};

	snprintf(finding.found, sizeof(finding.found), "%s", found);
	findings_add(findings, &finding);
}

START_TEST(what_both_looks_found_is_kept)
{
	add(&first, RULE_LOST_FRAME, 0x1000, "unused");
	add(&first, RULE_LOST_FRAME, 0x2000, "unused");
	add(&first, RULE_STUCK_BUSY, 0x3000, "generation 1");
	add(&second, RULE_LOST_FRAME, 0x2000, "unused");
	add(&second, RULE_STUCK_BUSY, 0x3000, "generation 1");
	findings_keep_common(&first, &second);
	ck_assert_uint_eq(first.total, 2);
	ck_assert_uint_eq(first.listed, 2);
	ck_assert_uint_eq(first.list[0].frame.addr, 0x2000);
	ck_assert_uint_eq(first.list[1].frame.addr, 0x3000);
}
END_TEST

START_TEST(what_changed_meanwhile_is_not)
{
	add(&first, RULE_STUCK_BUSY, 0x3000, "generation 1");
	add(&first, RULE_LOST_FRAME, 0x4000, "unused");
	add(&second, RULE_STUCK_BUSY, 0x3000, "generation 2");
	add(&second, RULE_LEAKED_FRAME, 0x4000, "unused");
	findings_keep_common(&first, &second);
	ck_assert_uint_eq(first.total, 0);
	ck_assert_uint_eq(first.listed, 0);
}
END_TEST

/* Code tells rules apart by their constants; users see the text in them. */
START_TEST(every_rule_has_a_name_of_its_own)
{
	static const char *const rules[] = {
		RULE_ILLEGAL_REFERENCES, RULE_WILD_VTABLE,   RULE_META_PAGE,  RULE_TYPE_COUNT,
		RULE_REFERENCE_COUNT,    RULE_BUSY_AT_END,   RULE_STUCK_BUSY, RULE_SLOT_COUNT,
		RULE_KERNEL_FRAME,       RULE_ALLOCATOR,     RULE_FREE_LINK,  RULE_FREE_COUNT,
		RULE_LISTED_TWICE,       RULE_LISTED_IN_USE, RULE_FREE_TAG,   RULE_FOREIGN_FRAME,
		RULE_LOST_FRAME,         RULE_LEAKED_FRAME,  RULE_LIST_LINK,  RULE_PAGE_TABLE,
		RULE_TABLE_REFERENCES,   RULE_LOST_TABLE,    RULE_WILD_ENTRY, RULE_MAPPING,
	};
	const unsigned count = sizeof(rules) / sizeof(rules[0]);

	for (unsigned i = 0; i < count; i++) {
		ck_assert_str_ne(rules[i], "");
		for (unsigned other = 0; other < i; other++)
			ck_assert_str_ne(rules[i], rules[other]);
	}
}
END_TEST

START_TEST(a_finding_is_shown_by_the_name_of_its_rule)
{
	char text[256];

	add(&first, RULE_LOST_FRAME, 0x2000, "unused");
	finding_format(&first.list[0], text, sizeof(text));
	ck_assert_str_eq(text, "frame 0x2000: lost_frame: expected , found unused");
}
END_TEST

Suite *findings_suite(void)
{
	Suite *suite = suite_create("findings");
	TCase *tcase = tcase_create("findings");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, what_both_looks_found_is_kept);
	tcase_add_test(tcase, what_changed_meanwhile_is_not);
	tcase_add_test(tcase, every_rule_has_a_name_of_its_own);
	tcase_add_test(tcase, a_finding_is_shown_by_the_name_of_its_rule);
	suite_add_tcase(suite, tcase);
	return suite;
}
