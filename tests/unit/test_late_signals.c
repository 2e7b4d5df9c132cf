/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/cli/late_signals.h: the first signal is noted, the second ends the process. Each in a process of its own. */
#include "unit/suites.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/late_signals.h"

/* Runs a function in a child that catches late signals, with SIGINT pending if so. Returns how it ended. */
static int end_of(void (*function)(void), bool is_pending)
{
	sigset_t blocked, none;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		sigemptyset(&none);
		sigfillset(&blocked);
		sigprocmask(SIG_BLOCK, &blocked, NULL);
		if (is_pending)
			raise(SIGINT);
		late_signals_catch(&none);
		function();
		_exit(late_signal);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void nothing(void)
{
}

static void one(void)
{
	raise(SIGTERM);
}

static void two(void)
{
	raise(SIGINT);
	raise(SIGTERM);
}

static void ignored(void)
{
	signal(SIGINT, SIG_IGN);
	late_signals_catch(&(sigset_t){0});
	raise(SIGINT);
	raise(SIGINT);
}

START_TEST(the_first_is_noted)
{
	int status = end_of(one, false);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM);
	status = end_of(nothing, false);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(one_that_waited_is_the_first)
{
	int status = end_of(nothing, true);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == SIGINT);
}
END_TEST

START_TEST(the_second_ends_the_process)
{
	int status = end_of(two, false);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	status = end_of(one, true);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
END_TEST

START_TEST(what_is_ignored_stays_ignored)
{
	int status = end_of(ignored, false);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

Suite *late_signals_suite(void)
{
	Suite *suite = suite_create("late_signals");
	TCase *tcase = tcase_create("late_signals");

	tcase_add_test(tcase, the_first_is_noted);
	tcase_add_test(tcase, one_that_waited_is_the_first);
	tcase_add_test(tcase, the_second_ends_the_process);
	tcase_add_test(tcase, what_is_ignored_stays_ignored);
	suite_add_tcase(suite, tcase);
	return suite;
}
