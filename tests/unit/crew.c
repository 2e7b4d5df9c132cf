/* SPDX-License-Identifier: MPL-2.0 */
/* Threads of one test that work together: see crew.h. */
#include "unit/crew.h"

#include <pthread.h>
#include <time.h>

#include "unit/fixture.h"

#define DEFAULT_MS    400
#define DEFAULT_SEED  1
#define MS_PER_S      1000
#define NS_PER_MS     1000000
#define PATIENCE_MS   300000 /* after that time, for all events to happen */
#define POLL_MS       10
#define HOST_PAUSE_NS 1000 /* keeps the host from starving the members */
#define HOST_HELD_MAX 64

static struct {
	struct crew_member member;
	void (*run)(struct crew_member *member);
	pthread_t thread;
} crew[CREW_MAX];

static unsigned crew_size;
static bool done;

static struct {
	uint64_t first;
	uint64_t count;
	unsigned held;
	uint64_t claims;
} host;

void crew_setup(void)
{
	crew_size = 0;
	done = false;
	host.held = 0;
	host.claims = 0;
}

/* Makes nearby seeds give unrelated sequences. */
static uint64_t seed_of(unsigned cpu)
{
	uint64_t seed = test_setting("PAGEVISOR_SEED", DEFAULT_SEED);

	seed = (seed * CREW_MAX + cpu + 1) * UINT64_C(0x9e3779b97f4a7c15);
	return seed ? seed : 1;
}

void crew_add(void (*run)(struct crew_member *member), void *own)
{
	ck_assert_uint_lt(crew_size, CREW_MAX);
	crew[crew_size].member =
		(struct crew_member){.cpu = crew_size, .seed = seed_of(crew_size), .own = own};
	crew[crew_size].run = run;
	crew_size++;
}

uint64_t crew_random(struct crew_member *member, uint64_t bound)
{
	return random_next(&member->seed) % bound;
}

static void run_host(struct crew_member *member)
{
	const struct timespec pause = {.tv_nsec = HOST_PAUSE_NS};
	struct meta_slot *held[HOST_HELD_MAX] = {NULL};

	while (!crew_is_done()) {
		struct meta_slot **place = &held[crew_random(member, host.held)];
		pfn_t frame = pfn(host.first + crew_random(member, host.count));

		if (*place)
			host_release(*place);
		*place = slot_host_claim(pfn_to_meta(frame)) ? pfn_to_meta(frame) : NULL;
		if (*place)
			crew_count(&host.claims);
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < host.held; i++)
		if (held[i])
			host_release(held[i]);
}

void crew_add_host(uint64_t first, uint64_t count, unsigned held)
{
	ck_assert_uint_le(held, HOST_HELD_MAX);
	host.first = first;
	host.count = count;
	host.held = held;
	crew_add(run_host, NULL);
}

bool crew_is_done(void)
{
	return __atomic_load_n(&done, __ATOMIC_RELAXED);
}

static void *run_member(void *argument)
{
	unsigned i = *(const unsigned *)argument;

	host_cpu = i;
	crew[i].run(&crew[i].member);
	return NULL;
}

static void sleep_ms(uint64_t ms)
{
	const struct timespec duration = {
		.tv_sec = (time_t)(ms / MS_PER_S),
		.tv_nsec = (long)(ms % MS_PER_S * NS_PER_MS),
	};

	nanosleep(&duration, NULL);
}

/* The name of an event that has not happened; NULL if all have. */
static const char *missing_event(const struct crew_event *events, unsigned count)
{
	if (host.held && !__atomic_load_n(&host.claims, __ATOMIC_RELAXED))
		return "claims of the host";
	for (unsigned i = 0; i < count; i++)
		if (!__atomic_load_n(events[i].counter, __ATOMIC_RELAXED))
			return events[i].name;
	return NULL;
}

void crew_work(const struct crew_event *events, unsigned count)
{
	static unsigned numbers[CREW_MAX];

	for (unsigned i = 0; i < crew_size; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&crew[i].thread, NULL, run_member, &numbers[i]), 0);
	}
	sleep_ms(test_setting("PAGEVISOR_MS", DEFAULT_MS));
	for (unsigned waited = 0; waited < PATIENCE_MS && missing_event(events, count);
	     waited += POLL_MS)
		sleep_ms(POLL_MS);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < crew_size; i++)
		pthread_join(crew[i].thread, NULL);

	const char *missing = missing_event(events, count);

	ck_assert_msg(!missing, "never happened: %s", missing);
}
