/* SPDX-License-Identifier: MPL-2.0 */
/* Threads and conditions: see thread.h. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"

/*
 * Signals that an instruction raises, a refused system call among them: a thread that blocks them is killed instead of
 * having them handled.
 */
static const int own_signals[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

/* Returns 0 or a negative errno. */
static int start_blocked(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			 void *argument)
{
	sigset_t all, old;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(own_signals) / sizeof(own_signals[0]); i++)
		sigdelset(&all, own_signals[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int result = pthread_create(thread, attributes, run, argument);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -result;
}

int thread_start(pthread_t *thread, void *(*run)(void *), void *argument, struct error *err)
{
	int result = start_blocked(thread, NULL, run, argument);

	if (result < 0)
		return error_set(err, result, "cannot start a thread: %s", strerror(-result));
	return 0;
}

int thread_start_detached(void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int result = start_blocked(&thread, &attributes, run, argument);

	pthread_attr_destroy(&attributes);
	return result;
}

void thread_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

bool thread_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ns)
{
	const struct timespec until = clock_timespec(deadline_ns);

	return pthread_cond_timedwait(condition, lock, &until) != ETIMEDOUT;
}
