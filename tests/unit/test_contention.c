/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Many CPUs after very few frames: every claim is contested, by other CPUs and by the host. This
 * finds what the broader test_threads.c rarely meets: a frame that can be had before its slot is
 * reset (the allocator then aborts), and a claim that overwrites another (the host then aborts).
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "unit/fixture.h"

#define FIRST_FRAME  (SMALL_MACHINE_SIZE / 2)
#define FRAMES       2
#define CONTENDERS   4
#define RUN_MILLIS   500
#define NANOS_PER_MS 1000000

static uint32_t owners[FRAMES];
static uint64_t allocated;
static uint64_t host_claims;
static uint64_t two_owners;
static bool stop;

static void setup(void)
{
	small_machine_setup();
	ck_assert_int_eq(
		frame_alloc_add(paddr(FIRST_FRAME), paddr(FIRST_FRAME + FRAMES * PAGE_SIZE)),
		FRAME_ADD_OK);
	memset(owners, 0, sizeof(owners));
	allocated = 0;
	host_claims = 0;
	two_owners = 0;
	stop = false;
}

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Plain accesses to the frame: ThreadSanitizer sees whether its owners come one after another. */
static void own(frame_t frame)
{
	uint64_t addr = frame_paddr(frame).addr;
	uint32_t *owner = &owners[(addr - FIRST_FRAME) / PAGE_SIZE];
	uint64_t *bytes = platform_phys_to_virt(paddr(addr));

	if (__atomic_exchange_n(owner, 1, __ATOMIC_RELAXED))
		count(&two_owners);
	++*bytes;
	__atomic_store_n(owner, 0, __ATOMIC_RELAXED);
	count(&allocated);
}

static void *run_contender(void *cpu)
{
	const struct stamp_meta stamp = {0};

	host_cpu = *(const unsigned *)cpu;
	while (!stopped()) {
		frame_t frame = frame_alloc(stamp, &stamp);

		if (!frame.slot)
			continue;
		own(frame);
		frame_put(frame);
	}
	return NULL;
}

static void *run_host(void *argument)
{
	(void)argument;
	while (!stopped())
		for (uint64_t i = 0; i < FRAMES; i++) {
			struct meta_slot *slot = frame_to_meta(paddr(FIRST_FRAME + i * PAGE_SIZE));

			if (!slot_host_claim(slot))
				continue;
			count(&host_claims);
			slot_host_release(slot);
		}
	return NULL;
}

static void run(bool with_host)
{
	const struct timespec duration = {.tv_nsec = RUN_MILLIS * NANOS_PER_MS};
	static unsigned cpus[CONTENDERS];
	pthread_t contenders[CONTENDERS];
	pthread_t host;

	for (unsigned i = 0; i < CONTENDERS; i++) {
		cpus[i] = i;
		ck_assert_int_eq(pthread_create(&contenders[i], NULL, run_contender, &cpus[i]), 0);
	}
	if (with_host)
		ck_assert_int_eq(pthread_create(&host, NULL, run_host, NULL), 0);
	nanosleep(&duration, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < CONTENDERS; i++)
		pthread_join(contenders[i], NULL);
	if (with_host)
		pthread_join(host, NULL);
}

static void assert_nothing_lost(void)
{
	const struct stamp_meta stamp = {0};
	uint64_t touched = 0;

	ck_assert_uint_gt(allocated, 0);
	ck_assert_uint_eq(two_owners, 0);
	for (uint64_t i = 0; i < FRAMES; i++)
		touched += *(uint64_t *)platform_phys_to_virt(paddr(FIRST_FRAME + i * PAGE_SIZE));
	ck_assert_uint_eq(touched, allocated);
	for (unsigned i = 0; i < FRAMES; i++)
		ck_assert_ptr_nonnull(frame_alloc(stamp, &stamp).slot);
	ck_assert_ptr_null(frame_alloc(stamp, &stamp).slot);
}

START_TEST(frame_is_had_only_after_its_slot_is_reset)
{
	run(false);
	assert_nothing_lost();
}
END_TEST

START_TEST(guest_and_host_never_claim_the_same_frame)
{
	run(true);
	ck_assert_uint_gt(host_claims, 0);
	assert_nothing_lost();
}
END_TEST

Suite *contention_suite(void)
{
	Suite *suite = suite_create("contention");
	TCase *tcase = tcase_create("contention");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, frame_is_had_only_after_its_slot_is_reset,
			guest_and_host_never_claim_the_same_frame);
	suite_add_tcase(suite, tcase);
	return suite;
}
