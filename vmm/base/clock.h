/* SPDX-License-Identifier: MPL-2.0 */
/* Time in nanoseconds. */
#ifndef VMM_CLOCK_H
#define VMM_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* CPU time that the calling thread has used. */
static inline uint64_t clock_thread_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/* The milliseconds until a time, for poll: rounded up, 0 once it has come. */
static inline int clock_left_ms(uint64_t end_ns)
{
	uint64_t now = clock_now_ns();
	uint64_t left = now < end_ns ? (end_ns - now - 1) / NS_PER_MS + 1 : 0;

	return left < INT32_MAX ? (int)left : INT32_MAX;
}

static inline struct timespec clock_timespec(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

/* A signal ends the sleep early. */
static inline void clock_sleep_ns(uint64_t ns)
{
	const struct timespec time = clock_timespec(ns);

	nanosleep(&time, NULL);
}

#endif
