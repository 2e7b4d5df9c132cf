/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/manage/manager.h: orders, targets, and what becomes of them, by the interface that a VM's socket
 * carries.
 */
#include "unit/suites.h"

#include <errno.h>

#include "base/clock.h"
#include "manage/manager.h"
#include "unit/managed_guest.h"
#include "unit/managed_manager.h"

#define RAM     (MANAGED_LOW_SIZE + MANAGED_HIGH_SIZE)
#define MIB     (UINT64_C(1) << 20)
#define MANAGED (MANAGED_FRAMES * PAGE_SIZE)

static struct error err;

static void carry_out(struct management_order order)
{
	manager_begin(order);
	manager_await();
}

static void assert_got(uint64_t wanted, uint64_t got, enum management_reason reason)
{
	ck_assert_uint_eq(status.wanted_bytes, wanted);
	ck_assert_uint_eq(status.got_bytes, got);
	ck_assert_uint_eq(status.reason, reason);
}

static uint64_t hosts(void)
{
	return managed_count(0, MANAGED_SLOTS, REF_HOST);
}

START_TEST(orders_are_carried_out_and_reported)
{
	manager_look();
	ck_assert_uint_eq(status.ticket + status.action + status.pid, 0);
	ck_assert_uint_eq(status.ram_bytes, RAM);
	carry_out((struct management_order){.action = MANAGEMENT_LOOK});
	ck_assert_uint_eq(status.managed_frames, MANAGED_FRAMES);
	ck_assert_uint_eq(status.unused_frames, MANAGED_FRAMES);
	ck_assert_uint_eq(status.pid + status.action, 0);
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = 4 * MIB});
	assert_got(4 * MIB, 4 * MIB, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(hosts(), 1024);
	ck_assert_uint_eq(status.soft_frames, 1024);
	ck_assert_uint_eq(status.unused_frames, MANAGED_FRAMES - 1024);
	ck_assert_uint_eq(status.pid, 4711);
	carry_out((struct management_order){
		.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL, .flags = MANAGEMENT_HARD});
	assert_got(MANAGED - 4 * MIB, MANAGED - 4 * MIB, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(status.hard_frames, MANAGED_FRAMES - 1024);
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = 2 * MIB});
	assert_got(2 * MIB, 2 * MIB, MANAGEMENT_GOT_ALL);
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = MANAGEMENT_ALL});
	assert_got(MANAGED - 2 * MIB, MANAGED - 2 * MIB, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(hosts(), 0);
	ck_assert_uint_eq(status.released_frames, MANAGED_FRAMES);
}
END_TEST

START_TEST(what_is_not_got_has_a_reason)
{
	managed_set(1024, 2048, 1);
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = RAM});
	assert_got(RAM, MANAGED - 4 * MIB, MANAGEMENT_NOT_FREE);
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = RAM});
	assert_got(RAM, MANAGED - 4 * MIB, MANAGEMENT_NOT_HELD);
	managed.info->boot_stage = STAGE_CPUS;
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = MIB});
	assert_got(MIB, 0, MANAGEMENT_NO_GUEST);
	carry_out((struct management_order){.action = MANAGEMENT_TARGET, .bytes = 8 * MIB});
	assert_got(8 * MIB, RAM, MANAGEMENT_NO_GUEST);
	ck_assert_uint_eq(hosts(), 0);
}
END_TEST

START_TEST(a_job_waits_until_frames_are_old_enough)
{
	uint64_t begin_ns = clock_now_ns();

	carry_out((struct management_order){
		.action = MANAGEMENT_RECLAIM, .bytes = 4 * MIB, .older_ns = 200 * NS_PER_MS});
	ck_assert_uint_ge(clock_now_ns() - begin_ns, 200 * NS_PER_MS);
	assert_got(4 * MIB, 4 * MIB, MANAGEMENT_GOT_ALL);
	/* What is old already is taken at once. */
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM,
					    .bytes = MANAGEMENT_ALL,
					    .older_ns = 200 * NS_PER_MS});
	ck_assert_uint_eq(status.got_bytes, MANAGED - 4 * MIB);
}
END_TEST

START_TEST(one_order_at_a_time_and_it_can_be_cancelled)
{
	struct management_order slow = {
		.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL, .rate = PAGE_SIZE};
	uint64_t ticket = manager_begin(slow), other;
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	ck_assert_int_eq(management.ops->order(management.own, &slow, &other), -EBUSY);
	do {
		manager_look();
	} while (status.got_bytes == 0 && clock_now_ns() < end_ns);
	/* Another's ticket ends nothing. */
	management.ops->cancel(management.own, ticket + 1);
	ck_assert(manager_is_at_work());
	management.ops->cancel(management.own, ticket);
	manager_await();
	ck_assert_uint_eq(status.reason, MANAGEMENT_CANCELLED);
	ck_assert_uint_gt(status.wanted_bytes, status.got_bytes);
	ck_assert_uint_eq(hosts() * PAGE_SIZE, status.got_bytes);
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = MANAGEMENT_ALL});
	ck_assert_uint_eq(hosts(), 0);
}
END_TEST

static void await_hosts(uint64_t count)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	while (hosts() != count && clock_now_ns() < end_ns)
		clock_sleep_ns(NS_PER_MS);
	ck_assert_uint_eq(hosts(), count);
}

START_TEST(a_target_is_held)
{
	const struct management_order target = {
		.action = MANAGEMENT_TARGET, .bytes = RAM - 6 * MIB, .older_ns = 20 * NS_PER_MS};

	/* In use for now, so that only 2 MiB can be had. */
	managed_set(512, MANAGED_SLOTS, 1);
	managed_set(1024, 1536, REF_UNUSED);
	carry_out(target);
	assert_got(RAM - 6 * MIB, RAM - 2 * MIB, MANAGEMENT_NOT_FREE);
	ck_assert(status.flags & MANAGEMENT_HAS_TARGET);
	ck_assert_uint_eq(status.target_bytes, RAM - 6 * MIB);
	ck_assert_uint_eq(hosts(), 512);
	/* What becomes free is taken, up to the target. */
	managed_set(1536, MANAGED_LOW_END, REF_UNUSED);
	await_hosts(6 * MIB / PAGE_SIZE);
	/* A higher target gives memory back. */
	carry_out((struct management_order){
		.action = MANAGEMENT_TARGET, .bytes = RAM - 2 * MIB, .older_ns = NS_PER_S});
	assert_got(RAM - 2 * MIB, RAM - 2 * MIB, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(hosts(), 512);
	/* What is done by hand ends it. */
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = MANAGEMENT_ALL});
	ck_assert(!(status.flags & MANAGEMENT_HAS_TARGET));
	clock_sleep_ns(100 * NS_PER_MS);
	ck_assert_uint_eq(hosts(), 0);
}
END_TEST

/* Blocks come back whole, so half of one is taken again. */
START_TEST(a_higher_target_is_met_to_the_frame)
{
	struct management_order target = {
		.action = MANAGEMENT_TARGET, .bytes = RAM - 6 * MIB, .older_ns = 20 * NS_PER_MS};

	carry_out(target);
	assert_got(RAM - 6 * MIB, RAM - 6 * MIB, MANAGEMENT_GOT_ALL);
	target.bytes = RAM - 3 * MIB;
	carry_out(target);
	assert_got(RAM - 3 * MIB, RAM - 3 * MIB, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(hosts(), 3 * MIB / PAGE_SIZE);
}
END_TEST

START_TEST(headroom_is_left_of_what_is_free)
{
	struct management_order order = {
		.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL, .headroom = 3 * MIB};

	carry_out(order);
	assert_got(MANAGED - 3 * MIB, MANAGED - 3 * MIB, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(status.unused_frames, 3 * MIB / PAGE_SIZE);
	/* There is no more to be had: neither by that order, nor by one for less. */
	order.bytes = MIB;
	carry_out(order);
	assert_got(MIB, 0, MANAGEMENT_NOT_FREE);
	order.older_ns = 20 * NS_PER_MS;
	carry_out(order);
	assert_got(MIB, 0, MANAGEMENT_NOT_FREE);
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 3 * MIB / PAGE_SIZE);
	/* More than there is. */
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = MANAGEMENT_ALL});
	order.headroom = 2 * RAM;
	carry_out(order);
	assert_got(MIB, 0, MANAGEMENT_NOT_FREE);
	ck_assert_uint_eq(hosts(), 0);
}
END_TEST

static void use_high_region(void)
{
	managed_set(MANAGED_HIGH_FIRST, MANAGED_SLOTS, 1);
	managed.log.on_slots = NULL;
}

/* The guest's need grows once the first batch was claimed, after which the order waits for half a second. */
START_TEST(headroom_is_counted_again_in_a_slow_order)
{
	const uint64_t used = MANAGED_SLOTS - MANAGED_HIGH_FIRST;

	managed.log.on_slots = use_high_region;
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM,
					    .bytes = MANAGEMENT_ALL,
					    .headroom = 4 * MIB,
					    .rate = 8 * MIB});
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - used - 4 * MIB / PAGE_SIZE);
	ck_assert_uint_eq(status.unused_frames, 4 * MIB / PAGE_SIZE);
}
END_TEST

START_TEST(a_target_restores_the_headroom)
{
	const uint64_t used = MIB / PAGE_SIZE;

	carry_out((struct management_order){.action = MANAGEMENT_TARGET,
					    .bytes = MANAGEMENT_ALL,
					    .older_ns = 20 * NS_PER_MS,
					    .headroom = 2 * MIB});
	ck_assert_uint_eq(status.reason, MANAGEMENT_GOT_ALL);
	ck_assert_uint_eq(status.headroom_bytes, 2 * MIB);
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 2 * MIB / PAGE_SIZE);
	/* Used from what was left: as much comes back, to the frame once it is cold. */
	uint64_t first = MANAGED_HIGH_FIRST;

	while (!managed_count(first, first + 1, REF_UNUSED))
		first++;
	ck_assert_uint_eq(managed_count(first, first + used, REF_UNUSED), used);
	managed_set(first, first + used, 1);
	await_hosts(MANAGED_FRAMES - 2 * MIB / PAGE_SIZE - used);
	/* Freed, it is taken. */
	managed_set(first, first + used, REF_UNUSED);
	await_hosts(MANAGED_FRAMES - 2 * MIB / PAGE_SIZE);
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = MANAGEMENT_ALL});
	ck_assert_uint_eq(status.headroom_bytes, 0);
}
END_TEST

START_TEST(a_target_waits_for_the_guest_and_survives_its_restart)
{
	managed.info->boot_stage = STAGE_CPUS;
	carry_out((struct management_order){
		.action = MANAGEMENT_TARGET, .bytes = MANAGEMENT_ALL, .older_ns = 20 * NS_PER_MS});
	ck_assert_uint_eq(status.reason, MANAGEMENT_NO_GUEST);
	ck_assert_uint_eq(hosts(), 0);
	managed.info->boot_stage = STAGE_RUNNING;
	await_hosts(MANAGED_FRAMES);
	/* Another boot fills its slots anew. */
	managed.info->boot_stage = STAGE_CPUS;
	managed.info->boot_id++;
	managed_set(MANAGED_LOW_FIRST, MANAGED_LOW_END, REF_UNUSED);
	managed_set(MANAGED_HIGH_FIRST, MANAGED_SLOTS, REF_UNUSED);
	managed.info->boot_stage = STAGE_RUNNING;
	await_hosts(MANAGED_FRAMES);
	carry_out((struct management_order){.action = MANAGEMENT_LOOK});
	ck_assert_uint_eq(status.restarts, 1);
	ck_assert_uint_eq(status.soft_frames, MANAGED_FRAMES);
}
END_TEST

START_TEST(looks_do_not_put_a_target_off)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	managed.info->boot_stage = STAGE_CPUS;
	carry_out((struct management_order){
		.action = MANAGEMENT_TARGET, .bytes = MANAGEMENT_ALL, .older_ns = 50 * NS_PER_MS});
	managed.info->boot_stage = STAGE_RUNNING;
	while (hosts() == 0 && clock_now_ns() < end_ns)
		carry_out((struct management_order){.action = MANAGEMENT_LOOK});
	ck_assert_uint_ne(hosts(), 0);
}
END_TEST

START_TEST(nothing_is_claimed_in_a_pause)
{
	uint64_t ns;

	ck_assert_int_eq(control_pause(&manager.control, &err), 0);
	manager_begin(
		(struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL});
	clock_sleep_ns(50 * NS_PER_MS);
	ck_assert(manager_is_at_work());
	ck_assert_uint_eq(hosts(), 0);
	ck_assert_int_eq(control_resume(&manager.control, &ns, &err), 0);
	manager_await();
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES);
}
END_TEST

Suite *manager_suite(void)
{
	Suite *suite = suite_create("manager");
	TCase *tcase = tcase_create("manager");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, manager_setup, manager_teardown);
	tcase_add_test(tcase, orders_are_carried_out_and_reported);
	tcase_add_test(tcase, what_is_not_got_has_a_reason);
	tcase_add_test(tcase, a_job_waits_until_frames_are_old_enough);
	tcase_add_test(tcase, one_order_at_a_time_and_it_can_be_cancelled);
	tcase_add_test(tcase, a_target_is_held);
	tcase_add_test(tcase, a_higher_target_is_met_to_the_frame);
	tcase_add_test(tcase, headroom_is_left_of_what_is_free);
	tcase_add_test(tcase, headroom_is_counted_again_in_a_slow_order);
	tcase_add_test(tcase, a_target_restores_the_headroom);
	tcase_add_test(tcase, a_target_waits_for_the_guest_and_survives_its_restart);
	tcase_add_test(tcase, looks_do_not_put_a_target_off);
	tcase_add_test(tcase, nothing_is_claimed_in_a_pause);
	suite_add_tcase(suite, tcase);
	return suite;
}
