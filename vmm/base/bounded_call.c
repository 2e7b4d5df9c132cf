/* SPDX-License-Identifier: MPL-2.0 */
/* Calls with a deadline: see bounded_call.h. */
#include "base/bounded_call.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"

#define MS_PER_S 1000

static void end_call(struct bounded_call *call)
{
	pthread_cond_destroy(&call->done_changed);
	pthread_mutex_destroy(&call->lock);
}

static void *make_call(void *argument)
{
	struct bounded_call *call = argument;

	call->work(call);
	pthread_mutex_lock(&call->lock);
	bool is_abandoned = call->is_abandoned;

	call->is_done = true;
	pthread_cond_signal(&call->done_changed);
	/* Unless it is abandoned, the waiter may free it from here on. */
	pthread_mutex_unlock(&call->lock);
	if (is_abandoned) {
		end_call(call);
		call->abandoned(call);
	}
	return NULL;
}

static int start_thread(struct bounded_call *call)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, old;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int result = pthread_create(&thread, &attributes, make_call, call);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	return -result;
}

static void init_call(struct bounded_call *call)
{
	pthread_condattr_t monotonic;

	call->is_done = call->is_abandoned = false;
	pthread_mutex_init(&call->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&call->done_changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int bounded_call_run(struct bounded_call *call, unsigned timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / MS_PER_S;
	until.tv_nsec += (long)(timeout_ms % MS_PER_S * NS_PER_MS);
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_nsec -= (long)NS_PER_S;
		until.tv_sec++;
	}
	init_call(call);
	int result = start_thread(call);

	if (result < 0) {
		end_call(call);
		return result;
	}
	pthread_mutex_lock(&call->lock);
	while (!call->is_done && result == 0)
		result = pthread_cond_timedwait(&call->done_changed, &call->lock, &until);
	bool is_done = call->is_done;

	call->is_abandoned = !is_done;
	pthread_mutex_unlock(&call->lock);
	if (!is_done)
		return -ETIMEDOUT;
	end_call(call);
	return 0;
}
