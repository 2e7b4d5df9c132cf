/* SPDX-License-Identifier: MPL-2.0 */
/* The thread that looks at the guest: see top_sampler.h. */
#include "view/top/top_sampler.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "memory/rcu.h"

void top_sample_free(struct top_sample *sample)
{
	if (sample)
		top_sample_clear(sample);
	free(sample);
}

/* Hands over a sample; one that nobody took gives way. */
static void publish(struct top_sampler *sampler, struct top_sample *sample)
{
	uint64_t one = 1;

	pthread_mutex_lock(&sampler->lock);
	struct top_sample *old = sampler->newest;

	sampler->newest = sample;
	pthread_mutex_unlock(&sampler->lock);
	top_sample_free(old);
	/* It can only fail when the count is full, and then it is readable. */
	ssize_t written = write(sampler->ready_fd, &one, sizeof(one));

	(void)written;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

/*
 * Waits until it is time to look, an interval after `start`, and copies what is asked for. However short the interval, a
 * look of `duration` is followed by as long a rest. False when the thread is to end.
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
			struct timespec until = timespec_of(due);

			pthread_cond_timedwait(&sampler->wake, &sampler->lock, &until);
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
	const struct source *source = sampler->source;
	struct top_request request;
	uint64_t start = 0, duration = 0;

	urcu_memb_register_thread();
	while (wait_for_turn(sampler, start, duration, &request)) {
		struct top_sample *sample = malloc(sizeof(*sample));

		start = clock_now_ns();
		if (sample && top_sample_take(&source->memory, source->info, &request,
					      &sampler->stopping, sample) != -ECANCELED)
			publish(sampler, sample);
		else
			top_sample_free(sample);
		duration = clock_now_ns() - start;
	}
	urcu_memb_unregister_thread();
	return NULL;
}

int top_sampler_start(struct top_sampler *sampler, const struct source *source,
		      const struct top_request *request, struct error *err)
{
	pthread_condattr_t monotonic;
	sigset_t all, old;

	*sampler = (struct top_sampler){.source = source, .request = *request, .is_due = true};
	sampler->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sampler->ready_fd < 0)
		return error_set(err, -errno, "eventfd: %s", strerror(errno));
	pthread_mutex_init(&sampler->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int result = pthread_create(&sampler->thread, NULL, look_on, sampler);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (result == 0)
		return 0;
	pthread_cond_destroy(&sampler->wake);
	pthread_mutex_destroy(&sampler->lock);
	close(sampler->ready_fd);
	return error_set(err, -result, "cannot start a thread: %s", strerror(result));
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
	uint64_t count;
	ssize_t length = read(sampler->ready_fd, &count, sizeof(count));

	(void)length; /* of no use: the pointer says whether there is one */
	pthread_mutex_lock(&sampler->lock);
	struct top_sample *sample = sampler->newest;

	sampler->newest = NULL;
	pthread_mutex_unlock(&sampler->lock);
	return sample;
}
