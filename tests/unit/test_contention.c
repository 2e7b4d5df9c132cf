/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Many CPUs compete for very few frames: every claim is contested, by other CPUs and by the host. This finds what the
 * broader test_threads.c rarely meets: a frame that can be claimed before its slot is reset (the allocator then
 * aborts), a claim that overwrites another (the host then aborts), and a CPU that searches the others' caches while
 * frames come and go behind its back.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "pagemeta/frame_pool.h"
#include "unit/crew.h"
#include "unit/fixture.h"

#define FIRST_FRAME (SMALL_MACHINE_SIZE / 2)
#define FRAMES      2
#define CONTENDERS  4

static uint32_t owners[FRAMES];
static uint64_t allocated;
static uint64_t host_claims;
static uint64_t two_owners;

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
	crew_setup();
}

/* Plain accesses to the frame: ThreadSanitizer sees whether its owners are ordered. */
static void own(frame_t frame)
{
	uint64_t addr = frame_paddr(frame).addr;
	uint32_t *owner = &owners[(addr - FIRST_FRAME) / PAGE_SIZE];
	uint64_t *bytes = platform_phys_to_virt(paddr(addr));

	if (__atomic_exchange_n(owner, 1, __ATOMIC_RELAXED))
		crew_count(&two_owners);
	++*bytes;
	__atomic_store_n(owner, 0, __ATOMIC_RELAXED);
	crew_count(&allocated);
}

static void run_contender(struct crew_member *member)
{
	const struct stamp_meta stamp = {0};

	(void)member;
	while (!crew_is_done()) {
		frame_t frame = frame_alloc(stamp, &stamp);

		if (!frame.slot)
			continue;
		own(frame);
		frame_put(frame);
	}
}

static void run_host(struct crew_member *member)
{
	(void)member;
	while (!crew_is_done())
		for (uint64_t i = 0; i < FRAMES; i++) {
			struct meta_slot *slot = frame_to_meta(paddr(FIRST_FRAME + i * PAGE_SIZE));

			if (!slot_host_claim(slot))
				continue;
			crew_count(&host_claims);
			host_release(slot);
		}
}

/* The second only with a host. */
static const struct crew_event wanted[] = {
	CREW_EVENT(allocated),
	CREW_EVENT(host_claims),
};

static void run(bool with_host)
{
	for (unsigned i = 0; i < CONTENDERS; i++)
		crew_add(run_contender, NULL);
	if (with_host)
		crew_add(run_host, NULL);
	crew_work(wanted, with_host ? 2 : 1);
}

static void assert_nothing_lost(void)
{
	const struct stamp_meta stamp = {0};
	uint64_t touched = 0;

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
	assert_nothing_lost();
}
END_TEST

/* CPUs in the order in which their caches are searched, and the searching CPU. */
enum {
	FIRST_CPU,
	HELD_UP_CPU,
	SEARCHING_CPU,
	LAST_CPU = PLATFORM_MAX_CPUS - 1,
};

static frame_t alloc_on(unsigned cpu)
{
	const struct stamp_meta stamp = {0};

	host_cpu = cpu;
	return frame_alloc(stamp, &stamp);
}

static void put_on(unsigned cpu, frame_t frame)
{
	host_cpu = cpu;
	frame_put(frame);
}

static void *search(void *found)
{
	*(frame_t *)found = alloc_on(SEARCHING_CPU);
	return NULL;
}

/* Waits until a search has begun, and then long enough for it to reach what it has to wait for. */
static void wait_for_search(void)
{
	const struct timespec moment = {.tv_nsec = 50000000};

	while (!__atomic_load_n(&frame_pool.lock.locked, __ATOMIC_RELAXED))
		platform_relax();
	nanosleep(&moment, NULL);
}

/*
 * At each moment one of two frames is free: first in the cache that is searched last, then in the one searched first.
 */
START_TEST(frame_that_comes_while_another_goes_is_found)
{
	frame_t held = alloc_on(LAST_CPU);
	frame_t other = alloc_on(LAST_CPU);
	frame_t found;
	pthread_t searcher;

	put_on(LAST_CPU, other);
	spin_lock(&frame_caches[HELD_UP_CPU].lock);
	ck_assert_int_eq(pthread_create(&searcher, NULL, search, &found), 0);
	wait_for_search();
	put_on(FIRST_CPU, held);
	other = alloc_on(LAST_CPU);
	ck_assert_ptr_nonnull(other.slot);
	spin_unlock(&frame_caches[HELD_UP_CPU].lock);
	ck_assert_int_eq(pthread_join(searcher, NULL), 0);
	ck_assert_ptr_nonnull(found.slot);
	ck_assert_ptr_ne(found.slot, other.slot);
}
END_TEST

Suite *contention_suite(void)
{
	Suite *suite = suite_create("contention");
	TCase *tcase = tcase_create("contention");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, frame_is_had_only_after_its_slot_is_reset,
			guest_and_host_never_claim_the_same_frame,
			frame_that_comes_while_another_goes_is_found);
	suite_add_tcase(suite, tcase);
	return suite;
}
