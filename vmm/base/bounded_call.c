/* SPDX-License-Identifier: MPL-2.0 */
/* Calls with a deadline: see bounded_call.h. */
#include "base/bounded_call.h"

#include <errno.h>

#include "base/clock.h"
#include "base/thread.h"

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
	/* Unless the call is abandoned, the waiter may free it from here on. */
	pthread_mutex_unlock(&call->lock);
	if (is_abandoned) {
		end_call(call);
		call->abandoned(call);
	}
	return NULL;
}

static void init_call(struct bounded_call *call)
{
	call->is_done = call->is_abandoned = false;
	pthread_mutex_init(&call->lock, NULL);
	thread_condition_init(&call->done_changed);
}

int bounded_call_run(struct bounded_call *call, unsigned timeout_ms)
{
	uint64_t deadline_ns = clock_now_ns() + timeout_ms * NS_PER_MS;

	init_call(call);
	int result = thread_start_detached(make_call, call);

	if (result < 0) {
		end_call(call);
		return result;
	}
	pthread_mutex_lock(&call->lock);
	while (!call->is_done && thread_wait_until(&call->done_changed, &call->lock, deadline_ns))
		;
	bool is_done = call->is_done;

	call->is_abandoned = !is_done;
	pthread_mutex_unlock(&call->lock);
	if (!is_done)
		return -ETIMEDOUT;
	end_call(call);
	return 0;
}
