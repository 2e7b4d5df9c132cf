/* SPDX-License-Identifier: MPL-2.0 */
/* The thread that samples the guest: see top_sampler.h. */
#include "view/top/top_sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/thread.h"
#include "base/wake_fd.h"
#include "memory/rcu.h"

void top_sample_free(struct top_sample *sample)
{
	if (sample)
		top_sample_clear(sample);
	free(sample);
}

/* Hands over a sample. It replaces one that was not taken. */
static void publish(struct top_sampler *sampler, struct top_sample *sample)
{
	pthread_mutex_lock(&sampler->lock);
	struct top_sample *old = sampler->newest;

	sampler->newest = sample;
	pthread_mutex_unlock(&sampler->lock);
	top_sample_free(old);
	wake_fd_set(sampler->ready_fd);
}

/*
 * Waits until the next look is due, an interval after `start`, and copies the request. However short the interval, a
 * look that took `duration` is followed by a rest as long. Returns false when the thread is to end.
 */
static bool wait_for_turn(struct top_sampler *sampler, uint64_t start, uint64_t duration,
			  struct top_request *request)
{
	uint64_t rested = start + 2 * duration;

	pthread_mutex_lock(&sampler->lock);
	while (!sampler->stopping) {
		uint64_t now = clock_now_ns();
		uint64_t due = sampler->is_due ? 0 : start + sampler->request.interval_ns;

		if (due < rested)
			due = rested;
		if (sampler->request.is_paused) {
			pthread_cond_wait(&sampler->wake, &sampler->lock);
		} else if (now >= due) {
			break;
		} else {
			thread_wait_until(&sampler->wake, &sampler->lock, due);
		}
	}
	sampler->is_due = false;
	*request = sampler->request;
	bool go_on = !sampler->stopping;

	pthread_mutex_unlock(&sampler->lock);
	return go_on;
}

static void *look_on(void *argument)
{
	struct top_sampler *sampler = argument;
	struct top_request request;
	uint64_t start = 0, duration = 0;

	urcu_memb_register_thread();
	while (wait_for_turn(sampler, start, duration, &request)) {
		struct top_sample *sample = malloc(sizeof(*sample));

		start = clock_now_ns();
		deadline_begin();
		if (sample)
			sample->result = top_sample_take(&sampler->target, &request,
							 &sampler->stopping, sample);
		if (sample && sample->result != -ECANCELED)
			publish(sampler, sample);
		else
			top_sample_free(sample);
		duration = clock_now_ns() - start;
	}
	top_target_release(&sampler->target);
	urcu_memb_unregister_thread();
	return NULL;
}

int top_sampler_start(struct top_sampler *sampler, const struct source *source,
		      const struct top_request *request, struct error *err)
{
	*sampler = (struct top_sampler){
		.target = {.memory = &source->memory, .hints = source->hints},
		.request = *request,
		.is_due = true,
	};
	sampler->ready_fd = wake_fd_open(err);
	if (sampler->ready_fd < 0)
		return sampler->ready_fd;
	pthread_mutex_init(&sampler->lock, NULL);
	thread_condition_init(&sampler->wake);
	int result = thread_start(&sampler->thread, look_on, sampler, err);

	if (result == 0)
		return 0;
	pthread_cond_destroy(&sampler->wake);
	pthread_mutex_destroy(&sampler->lock);
	close(sampler->ready_fd);
	return result;
}

void top_sampler_stop(struct top_sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	__atomic_store_n(&sampler->stopping, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
	pthread_join(sampler->thread, NULL);
	pthread_cond_destroy(&sampler->wake);
	pthread_mutex_destroy(&sampler->lock);
	close(sampler->ready_fd);
	top_sample_free(sampler->newest);
}

static bool needs_look(const struct top_request *old, const struct top_request *new)
{
	return strcmp(old->filter, new->filter) != 0 || old->by != new->by ||
	       old->columns != new->columns || old->rows != new->rows ||
	       old->table.is_asked != new->table.is_asked || old->table.by != new->table.by ||
	       (old->is_paused && !new->is_paused);
}

void top_sampler_ask(struct top_sampler *sampler, const struct top_request *request)
{
	pthread_mutex_lock(&sampler->lock);
	if (needs_look(&sampler->request, request))
		sampler->is_due = true;
	sampler->request = *request;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}

struct top_sample *top_sampler_take(struct top_sampler *sampler)
{
	wake_fd_clear(sampler->ready_fd);
	pthread_mutex_lock(&sampler->lock);
	struct top_sample *sample = sampler->newest;

	sampler->newest = NULL;
	pthread_mutex_unlock(&sampler->lock);
	return sample;
}
