/* SPDX-License-Identifier: MPL-2.0 */
/* The one deadline of a process over all of its peers: see deadline.h. */
#include "base/deadline.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

static uint64_t patience_ns = PATIENCE_DEFAULT_NS;

static struct {
	pthread_mutex_t lock; /* protects the rest; held for a few instructions */
	uint64_t end_ns;      /* CLOCK_MONOTONIC; 0: no wait has begun */
	unsigned waits;       /* going on */
	bool was_in_vain;     /* the last wait to end got no answer */
} deadline = {.lock = PTHREAD_MUTEX_INITIALIZER};

void deadline_set_patience(uint64_t ns)
{
	patience_ns = ns;
}

void deadline_limit_patience(uint64_t ns)
{
	if (ns < patience_ns)
		patience_ns = ns;
}

uint64_t deadline_patience_ns(void)
{
	return patience_ns;
}

void deadline_begin(void)
{
	pthread_mutex_lock(&deadline.lock);
	deadline.was_in_vain = false;
	pthread_mutex_unlock(&deadline.lock);
}

void deadline_enter(void)
{
	pthread_mutex_lock(&deadline.lock);
	if (deadline.waits++ == 0 && !deadline.was_in_vain)
		deadline.end_ns = clock_now_ns() + patience_ns;
	pthread_mutex_unlock(&deadline.lock);
}

void deadline_leave(bool is_answered)
{
	pthread_mutex_lock(&deadline.lock);
	deadline.waits--;
	deadline.was_in_vain = !is_answered;
	if (is_answered)
		deadline.end_ns = clock_now_ns() + patience_ns;
	pthread_mutex_unlock(&deadline.lock);
}

void deadline_progress(void)
{
	pthread_mutex_lock(&deadline.lock);
	deadline.end_ns = clock_now_ns() + patience_ns;
	pthread_mutex_unlock(&deadline.lock);
}

uint64_t deadline_ns(void)
{
	pthread_mutex_lock(&deadline.lock);
	uint64_t end_ns = deadline.end_ns;

	pthread_mutex_unlock(&deadline.lock);
	return end_ns;
}

bool deadline_has_passed(void)
{
	return clock_now_ns() >= deadline_ns();
}

uint64_t deadline_begin_wait(unsigned timeout_ms)
{
	if (timeout_ms != SHARED_TIMEOUT_MS)
		return clock_now_ns() + timeout_ms * NS_PER_MS;
	deadline_enter();
	return deadline_ns();
}

void deadline_end_wait(unsigned timeout_ms, bool is_answered)
{
	if (timeout_ms == SHARED_TIMEOUT_MS)
		deadline_leave(is_answered);
}

int deadline_poll(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	for (;;) {
		int left_ms = clock_left_ms(deadline_ns());
		int ready = poll(&poll_fd, 1, left_ms);

		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0 && left_ms == 0)
			return -ETIMEDOUT;
	}
}
