/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A crew: threads of one test, each a CPU, that work at the same time until the time is up, and a host that claims free
 * frames under their hands.
 *
 * Members count errors instead of asserting, because Check's assertions only work on one thread. The environment can
 * set the time and the choices: PAGEVISOR_MS=N, PAGEVISOR_SEED=N.
 */
#ifndef TESTS_UNIT_CREW_H
#define TESTS_UNIT_CREW_H

#include <stdbool.h>
#include <stdint.h>

#define CREW_MAX 8

/* A member: its CPU, its own random numbers, and the test's argument. */
struct crew_member {
	unsigned cpu;
	uint64_t seed;
	void *own;
};

/* In [0, bound). */
uint64_t crew_random(struct crew_member *member, uint64_t bound);

/* Forgets the members; call it first in a test's setup. */
void crew_setup(void);

void crew_add(void (*run)(struct crew_member *member), void *own);

/*
 * Adds a host that claims frames of [first, first + count), holds up to `held` of them for a while, and has released
 * all of them in the end.
 */
void crew_add_host(uint64_t first, uint64_t count, unsigned held);

/* An event that shall happen while a crew works: a counter that must not stay zero. */
struct crew_event {
	const char *name;
	const uint64_t *counter;
};

#define CREW_EVENT(member_counter)                                                                 \
	{                                                                                          \
		.name = #member_counter, .counter = &(member_counter)                              \
	}

/*
 * Starts all members, waits, stops them, and joins them. If some event has not happened when the time is up (the
 * machine may be busy), the members work on until all events have; the test fails if that takes too long. A host, if
 * there is one, must have claimed a frame.
 */
void crew_work(const struct crew_event *events, unsigned count);

#define CREW_WORK(events) crew_work((events), sizeof(events) / sizeof((events)[0]))

/* For the members: whether to stop. */
bool crew_is_done(void);

/* For events that several members count, and that the test reads after joining them. */
static inline void crew_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

#endif
