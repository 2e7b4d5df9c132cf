/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/thread.h: which signals the host's threads take. */
#include "unit/suites.h"

#include <signal.h>

#include "base/thread.h"

static void *get_mask(void *mask)
{
	pthread_sigmask(SIG_SETMASK, NULL, mask);
	return NULL;
}

/* A thread that blocks SIGBUS is killed by it, whatever handler there is. */
START_TEST(threads_take_the_signals_of_their_own_instructions)
{
	static const int own[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	static const int others[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGWINCH};
	struct error err;
	pthread_t thread;
	sigset_t mask;

	ck_assert_int_eq(thread_start(&thread, get_mask, &mask, &err), 0);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		ck_assert_int_eq(sigismember(&mask, own[i]), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_int_eq(sigismember(&mask, others[i]), 1);
}
END_TEST

Suite *thread_signals_suite(void)
{
	Suite *suite = suite_create("thread_signals");
	TCase *tcase = tcase_create("thread_signals");

	tcase_add_test(tcase, threads_take_the_signals_of_their_own_instructions);
	suite_add_tcase(suite, tcase);
	return suite;
}
