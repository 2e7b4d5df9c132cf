/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/cli/run/silence.h: what counts as time without a sign of life. */
#include "unit/suites.h"

#include "base/clock.h"
#include "cli/run/silence.h"

#define START_NS (1000 * NS_PER_S)

START_TEST(looks_that_see_the_same_add_up)
{
	struct silence silence = {0};

	for (unsigned i = 0; i <= 30; i++)
		silence_note(&silence, 7, START_NS + i * NS_PER_S / 10);
	ck_assert_uint_eq(silence.silent_ns, 3 * NS_PER_S);
}
END_TEST

START_TEST(a_sign_ends_it)
{
	struct silence silence = {0};

	silence_note(&silence, 7, START_NS);
	silence_note(&silence, 7, START_NS + NS_PER_S / 2);
	silence_note(&silence, 8, START_NS + NS_PER_S);
	ck_assert_uint_eq(silence.silent_ns, 0);
	silence_note(&silence, 8, START_NS + NS_PER_S + 5);
	ck_assert_uint_eq(silence.silent_ns, 5);
}
END_TEST

/* A VMM that was stopped for an hour has not seen an hour of silence. */
START_TEST(time_without_looks_does_not_count)
{
	struct silence silence = {0};

	silence_note(&silence, 7, START_NS);
	silence_note(&silence, 7, START_NS + 3600 * NS_PER_S);
	ck_assert_uint_eq(silence.silent_ns, NS_PER_S);
}
END_TEST

Suite *silence_suite(void)
{
	Suite *suite = suite_create("silence");
	TCase *tcase = tcase_create("silence");

	tcase_add_test(tcase, looks_that_see_the_same_add_up);
	tcase_add_test(tcase, a_sign_ends_it);
	tcase_add_test(tcase, time_without_looks_does_not_count);
	suite_add_tcase(suite, tcase);
	return suite;
}
