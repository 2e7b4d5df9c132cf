/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests that the guest's failure messages are parsed into fields, and that its other output is not taken for a failure.
 */
#include <string.h>

#include "kind/pagevisor/console_lines.h"
#include "unit/suites.h"

static struct console_failure failure_of(const char *line)
{
	struct console_report report = {0};

	console_report_take(&report, line);
	ck_assert_uint_eq(report.count, 1);
	ck_assert_uint_ne(report.failures[0].at_ns, 0);
	return report.failures[0];
}

START_TEST(lines_are_told_apart)
{
	struct console_failure failure = failure_of(
		"check failed on cpu 1, frame 0x41f000: the frame's bytes are another's");

	ck_assert_int_eq(failure.event, CONSOLE_CHECK);
	ck_assert(failure.has_frame);
	ck_assert_uint_eq(failure.frame, 0x41f000);
	ck_assert_str_eq(failure.rule, "the frame's bytes are another's");

	failure = failure_of("check failed on cpu 0: the books differ");
	ck_assert_int_eq(failure.event, CONSOLE_CHECK);
	ck_assert(!failure.has_frame);
	ck_assert_str_eq(failure.rule, "the books differ");

	failure = failure_of(
		"panic on cpu 0: frame 0x5000, references 0xffffffff, generation 6: put of it");
	ck_assert_int_eq(failure.event, CONSOLE_ABORT);
	ck_assert_uint_eq(failure.frame, 0x5000);
	ck_assert_str_eq(failure.rule, "put of it");
	ck_assert(!failure_of("panic on cpu 0: asked to panic").has_frame);

	failure = failure_of("exception 14 (page fault), error code 0x2 on cpu 1");
	ck_assert_int_eq(failure.event, CONSOLE_TRAP);
	ck_assert_str_eq(failure.rule, "exception 14 (page fault)");
}
END_TEST

START_TEST(other_lines_report_nothing)
{
	static const char *const lines[] = {
		"",
		"ready: ring 0",
		"a check failed on cpu 1",
		"Panic on cpu 0",
		"planted leak: frame",
	};
	struct console_report report = {.planted.steps = 7};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		console_report_take(&report, lines[i]);
	ck_assert_uint_eq(report.count, 0);
	ck_assert(!report.planted.is_planted);
	ck_assert_uint_eq(report.planted.steps, 7);
}
END_TEST

START_TEST(long_lines_are_cut)
{
	char line[2000] = "panic on cpu 0: ";

	memset(line + strlen(line), 'x', sizeof(line) - strlen(line) - 1);
	line[sizeof(line) - 1] = '\0';
	struct console_failure failure = failure_of(line);

	ck_assert_uint_eq(strlen(failure.rule), sizeof(failure.rule) - 1);
	ck_assert_uint_eq(strlen(failure.text), sizeof(failure.text) - 1);
}
END_TEST

START_TEST(too_many_are_left_out)
{
	struct console_report report = {0};

	console_report_take(&report, "panic on cpu 0: the first");
	for (unsigned i = 0; i < 2 * CONSOLE_FAILURES_MAX; i++)
		console_report_take(&report, "panic on cpu 0: another");
	ck_assert_uint_eq(report.count, CONSOLE_FAILURES_MAX);
	ck_assert_str_eq(report.failures[0].rule, "the first");
}
END_TEST

START_TEST(planted_faults_are_read)
{
	struct console_report report = {0};

	console_report_take(&report,
			    "planted use_after_free: frame 0x420000, cpu 1, after 8419 steps");
	ck_assert(report.planted.is_planted);
	ck_assert_uint_eq(report.planted.frame, 0x420000);
	ck_assert_uint_eq(report.planted.steps, 8419);
}
END_TEST

Suite *console_report_suite(void)
{
	Suite *suite = suite_create("console_report");
	TCase *tests = tcase_create("console_report");

	tcase_add_test(tests, lines_are_told_apart);
	tcase_add_test(tests, other_lines_report_nothing);
	tcase_add_test(tests, long_lines_are_cut);
	tcase_add_test(tests, too_many_are_left_out);
	tcase_add_test(tests, planted_faults_are_read);
	suite_add_tcase(suite, tests);
	return suite;
}
