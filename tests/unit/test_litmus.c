/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Litmus tests of the slot protocol: runs the real code of pagemeta/slot.h and of the outside reader on two CPUs at a
 * time, many times over, and looks for the outcomes that its memory orders forbid. Each round starts both sides at the
 * same time and then delays each a little, at random.
 *
 * A control test shows that the machine and this harness produce reordering where it is allowed: of two CPUs that each
 * store to one word and then load the other's, both may miss the other's store.
 *
 * PAGEVISOR_ROUNDS=N runs that many rounds of each shape.
 */
#include "unit/suites.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "unit/fixture.h"
#include "unit/litmus_shapes.h"

#define ROUNDS_DEFAULT 160000 /* of each shape */
#define ROUNDS_ONE_CPU 2000
#define SECONDS_SHORT  2  /* stops a slow machine early, after the required outcome */
#define SECONDS_MAX    20 /* at most, for that outcome to occur */
#define CLOCK_ROUNDS   1024
#define DELAY_BITS_MAX 9 /* delays of up to 2^9 empty loops */
#define SPINS_MAX      4096
#define HEAD_START     1000 /* ticks: about one line transfer */

static const struct litmus_shape *shape;
static unsigned cpus; /* that this process may run on: 1 or 2 */
static cpu_set_t cpu_of_side[2];
static struct litmus_word arrived[2];
static struct litmus_word start_moment; /* of round start_round, in ticks */
static struct litmus_word start_round;
static bool stop; /* written by the left side before both start */
static uint64_t wanted_rounds;
static uint64_t rounds;
static uint64_t outcomes[FORBIDDEN + 1];

/* Both sides leave together. */
static void meet(unsigned side, uint64_t step)
{
	unsigned spins = 0;

	__atomic_store_n(&arrived[side].value, step, __ATOMIC_RELEASE);
	while (__atomic_load_n(&arrived[!side].value, __ATOMIC_ACQUIRE) < step)
		if (cpus < 2 || ++spins % SPINS_MAX == 0)
			sched_yield();
}

/* Of the time stamp counter; where there is none, nanoseconds. */
static uint64_t ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
#endif
}

/*
 * The side that arrives last would leave at once, the other only after seeing that: late by a good part of a round. So
 * both wait for a moment that the left side sets, by the time stamp counter. On machines whose counters differ between
 * CPUs, only the random delays help.
 */
static void start_together(unsigned side, uint64_t round)
{
	unsigned spins = 0;

	if (side == 0) {
		start_moment.value = ticks() + HEAD_START;
		__atomic_store_n(&start_round.value, round, __ATOMIC_RELEASE);
	}
	while (__atomic_load_n(&start_round.value, __ATOMIC_ACQUIRE) < round)
		if (cpus < 2 || ++spins % SPINS_MAX == 0)
			sched_yield();
	for (spins = 0; ticks() < start_moment.value && spins < HEAD_START; spins++)
		;
}

static void delay(uint64_t *seed)
{
	uint64_t random = random_next(seed);
	uint64_t loops = random >> 32 & ((UINT64_C(1) << random % (DELAY_BITS_MAX + 1)) - 1);

	while (loops--)
		__asm__ volatile("");
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* With two CPUs the outcome must occur; with one, it may. */
static bool is_enough(const struct timespec *start)
{
	bool seen = outcomes[TELLING] > 0 || cpus < 2;
	double seconds;

	if (outcomes[FORBIDDEN] || (seen && rounds >= (cpus < 2 ? ROUNDS_ONE_CPU : wanted_rounds)))
		return true;
	if (rounds % CLOCK_ROUNDS)
		return false;
	seconds = seconds_since(start);
	return seconds > SECONDS_MAX || (seen && seconds > SECONDS_SHORT);
}

static void *run_side(void *argument)
{
	const unsigned side = argument != NULL;
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15) + side;
	struct timespec start;

	if (cpus > 1)
		pthread_setaffinity_np(pthread_self(), sizeof(cpu_of_side[side]),
				       &cpu_of_side[side]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (uint64_t round = 1;; round++) {
		if (side == 0)
			shape->reset(round);
		meet(side, 2 * round - 1);
		if (stop)
			return NULL;
		start_together(side, round);
		delay(&seed);
		(side ? shape->right : shape->left)(round);
		meet(side, 2 * round);
		if (side == 0) {
			outcomes[shape->judge(round)]++;
			rounds++;
			stop = is_enough(&start);
		}
	}
}

/* Finds two CPUs that this process may use; otherwise uses one. */
static void find_cpus(void)
{
	cpu_set_t allowed;

	cpus = 0;
	ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	for (size_t cpu = 0; cpu < CPU_SETSIZE && cpus < 2; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&cpu_of_side[cpus]);
		CPU_SET(cpu, &cpu_of_side[cpus]);
		cpus++;
	}
}

START_TEST(forbidden_outcomes_never_happen)
{
	static char right;
	pthread_t threads[2];

	find_cpus();
	shape = &litmus_shapes[_i];
	stop = false;
	wanted_rounds = test_setting("PAGEVISOR_ROUNDS", ROUNDS_DEFAULT);
	rounds = 0;
	memset(outcomes, 0, sizeof(outcomes));
	memset(arrived, 0, sizeof(arrived));
	start_round.value = 0;
	ck_assert_int_eq(pthread_create(&threads[0], NULL, run_side, NULL), 0);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, run_side, &right), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("litmus: %-25s %7" PRIu64 " rounds, %7" PRIu64 " telling, %" PRIu64 " forbidden%s\n",
	       shape->name, rounds, outcomes[TELLING], outcomes[FORBIDDEN],
	       cpus < 2 ? "; skipped: one CPU shows no reordering" : "");
	fflush(stdout);
	ck_assert_msg(outcomes[FORBIDDEN] == 0, "%s: a forbidden outcome", shape->name);
	ck_assert_msg(outcomes[TELLING] > 0 || cpus < 2, "%s: not seen in %" PRIu64 " rounds",
		      shape->name, rounds);
}
END_TEST

Suite *litmus_suite(void)
{
	Suite *suite = suite_create("litmus");
	TCase *tcase = tcase_create("litmus");

	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_loop_test(tcase, forbidden_outcomes_never_happen, 0, litmus_shape_count);
	suite_add_tcase(suite, tcase);
	return suite;
}
