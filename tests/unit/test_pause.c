/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/machine/kvm/pause.h with threads that play vCPUs: they run until they are kicked. Also tests of the parts
 * of dirty_log.h that work without KVM.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sched.h>

#include "base/clock.h"
#include "machine/kvm/dirty_log.h"
#include "machine/kvm/pause.h"

#define VCPUS       4
#define PATIENCE_NS (60 * NS_PER_S) /* only against hangs */

/* Acts like a vCPU: makes steps until immediate_exit stops it. */
struct player {
	pthread_t thread;
	uint8_t immediate_exit;
	uint64_t steps;
};

static struct vm_pause holder;
static struct player players[VCPUS];
static bool stopping;

static void run_guest(struct player *player)
{
	while (!__atomic_load_n(&player->immediate_exit, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&player->steps, 1, __ATOMIC_RELAXED);
		sched_yield();
	}
}

static void *play(void *argument)
{
	struct player *player = argument;

	while (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
		if (vm_pause_is_wanted(&holder)) {
			vm_pause_park(&holder, &player->immediate_exit);
			continue;
		}
		run_guest(player);
	}
	vm_pause_leave(&holder);
	return NULL;
}

static void kick_all(void)
{
	for (unsigned i = 0; i < VCPUS; i++)
		__atomic_store_n(&players[i].immediate_exit, 1, __ATOMIC_RELAXED);
}

static void start_all(void)
{
	stopping = false;
	vm_pause_init(&holder);
	for (unsigned i = 0; i < VCPUS; i++) {
		vm_pause_join(&holder);
		ck_assert_int_eq(pthread_create(&players[i].thread, NULL, play, &players[i]), 0);
	}
}

static void stop_all(void)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	vm_pause_cancel(&holder);
	kick_all();
	for (unsigned i = 0; i < VCPUS; i++)
		pthread_join(players[i].thread, NULL);
	ck_assert_uint_eq(holder.threads, 0);
	ck_assert_uint_eq(holder.parked, 0);
	vm_pause_destroy(&holder);
}

static uint64_t all_steps(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VCPUS; i++)
		sum += __atomic_load_n(&players[i].steps, __ATOMIC_RELAXED);
	return sum;
}

static void pause_all(void)
{
	vm_pause_begin(&holder);
	kick_all();
	ck_assert_int_eq(vm_pause_await(&holder, clock_now_ns() + PATIENCE_NS), 0);
}

START_TEST(nobody_moves_during_a_pause)
{
	start_all();
	for (int round = 0; round < 500; round++) {
		pause_all();
		uint64_t before = all_steps();

		sched_yield();
		ck_assert_uint_eq(all_steps(), before);
		vm_pause_end(&holder);
	}
	stop_all();
}
END_TEST

/* All vCPUs move on, even if the next pause follows at once: no kick is lost, and no leftover kick makes one spin. */
START_TEST(all_move_on_after_a_pause)
{
	start_all();
	for (int round = 0; round < 100; round++) {
		pause_all();
		vm_pause_end(&holder);
	}
	for (unsigned i = 0; i < VCPUS; i++) {
		uint64_t before = __atomic_load_n(&players[i].steps, __ATOMIC_RELAXED);
		uint64_t deadline = clock_now_ns() + PATIENCE_NS;

		while (__atomic_load_n(&players[i].steps, __ATOMIC_RELAXED) == before &&
		       clock_now_ns() < deadline)
			sched_yield();
		ck_assert_uint_gt(__atomic_load_n(&players[i].steps, __ATOMIC_RELAXED), before);
	}
	stop_all();
}
END_TEST

START_TEST(a_pause_may_end_with_a_stop)
{
	start_all();
	pause_all();
	stop_all();
}
END_TEST

START_TEST(who_does_not_come_out_is_not_waited_for_longer)
{
	start_all();
	vm_pause_begin(&holder);
	/* No vCPU is kicked, and most of them are in the guest. */
	vm_pause_join(&holder);
	ck_assert_int_eq(vm_pause_await(&holder, clock_now_ns() + 10 * NS_PER_MS), -ETIMEDOUT);
	vm_pause_end(&holder);
	vm_pause_leave(&holder);
	pause_all();
	vm_pause_end(&holder);
	vm_pause_cancel(&holder);
	vm_pause_begin(&holder);
	ck_assert_int_eq(vm_pause_await(&holder, clock_now_ns() + PATIENCE_NS), -ECANCELED);
	stop_all();
}
END_TEST

START_TEST(a_dirty_log_that_cannot_be_had_is_off)
{
	const struct kvm_userspace_memory_region slot = {.memory_size = 64 * PAGE_SIZE};
	struct dirty_log log;
	struct error err;
	uint64_t bits;

	dirty_log_init(&log, -1);
	ck_assert_int_eq(dirty_log_start(&log, &err), -EBUSY);
	ck_assert_int_eq(dirty_log_add_region(&log, &slot, &err), -EBADF);
	ck_assert_uint_eq(log.region_count, 0);
	log.regions[log.region_count++].slot = slot;
	ck_assert_int_eq(dirty_log_start(&log, &err), -EBADF);
	ck_assert_uint_eq(log.reader_count, 0);
	ck_assert_ptr_null(log.regions[0].fetched);
	ck_assert_ptr_null(log.regions[0].pending[0]);
	ck_assert_int_eq(dirty_log_read(&log, 0, false, paddr(0), 1, &bits, &err), -EINVAL);
	dirty_log_destroy(&log);
}
END_TEST

/* Adds a reader by hand: dirty_log_start would need KVM to switch the log on. */
START_TEST(each_reader_is_told_once)
{
	struct dirty_log log;
	struct error err;
	uint64_t bits[4];

	dirty_log_init(&log, -1);
	log.region_count = 1;
	log.regions[0].slot = (struct kvm_userspace_memory_region){.guest_phys_addr = 0x100000,
								   .memory_size = 200 * PAGE_SIZE};
	for (int reader = 0; reader < 2; reader++)
		log.regions[0].pending[reader] = calloc(4, sizeof(uint64_t));
	dirty_log_host_wrote(&log, paddr(0x100000 + 62 * PAGE_SIZE + 4095), 2 * PAGE_SIZE);
	dirty_log_host_wrote(&log, paddr(0x100000 + 199 * PAGE_SIZE), PAGE_SIZE);
	/* Outside, and past the end: no page of a region. */
	dirty_log_host_wrote(&log, paddr(0), 1);
	dirty_log_host_wrote(&log, paddr(0x100000 + 199 * PAGE_SIZE), 2 * PAGE_SIZE);
	ck_assert_int_eq(
		dirty_log_read(&log, 0, false, paddr(0x100000 + PAGE_SIZE), 199, bits, &err), 0);
	ck_assert_uint_eq(bits[0], UINT64_C(7) << 61);
	ck_assert_uint_eq(bits[1] | bits[2], 0);
	ck_assert_uint_eq(bits[3], UINT64_C(1) << 6);
	ck_assert_int_eq(dirty_log_read(&log, 0, false, paddr(0x100000), 200, bits, &err), 0);
	ck_assert_uint_eq(bits[0] | bits[1] | bits[2] | bits[3], 0);
	ck_assert_int_eq(
		dirty_log_read(&log, 1, false, paddr(0x100000 + 63 * PAGE_SIZE), 1, bits, &err), 0);
	ck_assert_uint_eq(bits[0], 1);
	ck_assert_int_eq(dirty_log_read(&log, 1, false, paddr(0x100000), 200, bits, &err), 0);
	ck_assert_uint_eq(bits[0], UINT64_C(1) << 62);
	ck_assert_uint_eq(bits[1], 1);
	ck_assert_int_eq(dirty_log_read(&log, 1, false, paddr(0x100000), 201, bits, &err), -EINVAL);
	ck_assert_int_eq(dirty_log_read(&log, 2, false, paddr(0x100000), 1, bits, &err), -EINVAL);
	ck_assert_int_eq(dirty_log_read(&log, 1, false, paddr(0x100000), UINT64_MAX, bits, &err),
			 -EINVAL);
	dirty_log_destroy(&log);
}
END_TEST

Suite *pause_suite(void)
{
	Suite *suite = suite_create("pause");
	TCase *tcase = tcase_create("pause");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, nobody_moves_during_a_pause);
	tcase_add_test(tcase, all_move_on_after_a_pause);
	tcase_add_test(tcase, a_pause_may_end_with_a_stop);
	tcase_add_test(tcase, who_does_not_come_out_is_not_waited_for_longer);
	tcase_add_test(tcase, a_dirty_log_that_cannot_be_had_is_off);
	tcase_add_test(tcase, each_reader_is_told_once);
	suite_add_tcase(suite, tcase);
	return suite;
}
