/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of the words and the status with which a run ends, above all when a signal cut its last check short. */
#include "unit/suites.h"

#include <signal.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "cli/exit_status.h"
#include "cli/run/report.h"

static struct guest guest;
static struct observation seen;
static struct vm_end end;
static const struct run_options options;
static struct report report;

/* A guest that has finished, and was checked but for the part that a signal left out. */
static void setup(void)
{
	guest = (struct guest){.progress = GUEST_FINISHED};
	seen = (struct observation){
		.guest = &guest, .is_known = true, .scans = 1, .is_checked = true};
	seen.check = (struct facts){.count = 1, .list = {{.key = CHECK_IS_COMPLETE, .value = 0}}};
	end = (struct vm_end){.outcome = VM_EXITED, .exit_value = GUEST_EXIT_OK};
	report = (struct report){
		.options = &options, .end = &end, .seen = &seen, .late_signal = SIGINT};
}

static const char *verdict(void)
{
	static char text[sizeof(end.text.text)];

	report_verdict(&report, text, sizeof(text));
	return text;
}

START_TEST(a_signal_cuts_the_check)
{
	ck_assert_str_eq(verdict(),
			 "the guest ended well; signal 2 (Interrupt) cut the check of its "
			 "metadata short");
	ck_assert_int_eq(report_status(&report), STATUS_SIGNAL + SIGINT);
	report.late_signal = SIGTERM;
	ck_assert_str_eq(verdict(), "the guest ended well; signal 15 (Terminated) cut the check of "
				    "its metadata short");
	ck_assert_int_eq(report_status(&report), STATUS_SIGNAL + SIGTERM);
}
END_TEST

/* It came when the check was over, or there was none to cut. */
START_TEST(a_signal_that_cuts_nothing)
{
	seen.check.list[0].value = 1;
	ck_assert_str_eq(verdict(), "the guest ended well");
	ck_assert_int_eq(report_status(&report), STATUS_OK);
	seen.check.count = 0;
	seen.is_checked = false;
	ck_assert_str_eq(verdict(), "the guest ended well");
	ck_assert_int_eq(report_status(&report), STATUS_OK);
	report.seen = NULL;
	ck_assert_str_eq(verdict(), "the guest ended well");
	ck_assert_int_eq(report_status(&report), STATUS_OK);
}
END_TEST

/* A check that has its own limit ends early without a signal. */
START_TEST(a_check_that_is_cut_by_no_signal)
{
	report.late_signal = 0;
	ck_assert_str_eq(verdict(), "the guest ended well");
	ck_assert_int_eq(report_status(&report), STATUS_OK);
}
END_TEST

/* What is known of the guest comes first. */
START_TEST(what_the_guest_did_is_worse)
{
	seen.findings.total = 3;
	ck_assert_str_eq(verdict(), "the guest ended, but its metadata has findings: 3");
	ck_assert_int_eq(report_status(&report), STATUS_VIOLATION);
	guest.progress = GUEST_RUNS;
	seen.findings.total = 0;
	ck_assert_str_eq(verdict(), "the guest ended without having finished its workload");
	ck_assert_int_eq(report_status(&report), STATUS_GUEST);
	end.exit_value = GUEST_EXIT_PANIC;
	ck_assert_str_eq(verdict(), "the guest's kernel panicked");
	ck_assert_int_eq(report_status(&report), STATUS_GUEST);
	end.outcome = VM_STOPPED;
	report.signal = SIGTERM;
	ck_assert_str_eq(verdict(), "stopped by signal 15 (Terminated) before the guest could end");
	ck_assert_int_eq(report_status(&report), STATUS_SIGNAL + SIGTERM);
}
END_TEST

Suite *run_report_suite(void)
{
	Suite *suite = suite_create("run_report");
	TCase *tcase = tcase_create("run_report");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_signal_cuts_the_check);
	tcase_add_test(tcase, a_signal_that_cuts_nothing);
	tcase_add_test(tcase, a_check_that_is_cut_by_no_signal);
	tcase_add_test(tcase, what_the_guest_did_is_worse);
	suite_add_tcase(suite, tcase);
	return suite;
}
