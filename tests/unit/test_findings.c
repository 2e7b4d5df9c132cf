/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/findings.h: what two looks have in common. */
#include "unit/suites.h"

#include <stdio.h>

#include "kind/findings.h"

static struct findings first;
static struct findings second;

static void setup(void)
{
	first = second = (struct findings){0};
}

static void add(struct findings *findings, enum rule rule, uint64_t frame, const char *found)
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

START_TEST(every_rule_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < RULE_COUNT; i++) {
		ck_assert_ptr_nonnull(rule_name(i));
		for (unsigned other = 0; other < i; other++)
			ck_assert_str_ne(rule_name(i), rule_name(other));
	}
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
	suite_add_tcase(suite, tcase);
	return suite;
}
