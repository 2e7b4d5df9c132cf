/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of the guest's grace periods (guest/mm/rcu.c): the test plays each of the processors in turn, so each case is
 * one interleaving.
 */
#include "unit/suites.h"

#include <pagemeta_platform.h>

/* The guest's RCU beside the host's, which the rest of this program uses. */
#define platform_call_rcu guest_call_rcu
#include "guest/platform/pagemeta_rcu.h"
#include "guest/mm/rcu.c"

#include <string.h>

#include "unit/fixture.h"

#define CPUS         3
#define HEADS        100
/* Quiescent states of one CPU, enough for whatever does not wait for another. */
#define ROUNDS       3
#define STATUS_PANIC 0x50 /* of the stand-in for panic(), in test_boot_info.c */

static struct {
	platform_rcu_head_t head;
	bool asks_again;
} callbacks[HEADS];

static unsigned ran[HEADS];    /* how often */
static unsigned order[HEADS];  /* which, in their order */
static unsigned ran_on[HEADS]; /* the CPU */
static unsigned ran_count;

static void run_callback(platform_rcu_head_t *head)
{
	unsigned i = (unsigned)(((uintptr_t)head - (uintptr_t)callbacks) / sizeof(callbacks[0]));

	ran[i]++;
	ran_on[i] = platform_cpu();
	if (ran_count < HEADS)
		order[ran_count] = i;
	ran_count++;
	if (callbacks[i].asks_again) {
		callbacks[i].asks_again = false;
		guest_call_rcu(head, run_callback);
	}
}

static void setup(void)
{
	memset(rcu_cpus, 0, sizeof(rcu_cpus));
	memset(callbacks, 0, sizeof(callbacks));
	memset(ran, 0, sizeof(ran));
	rcu_sequence = 0;
	ran_count = 0;
	rcu_start(CPUS);
}

static void teardown(void)
{
	host_cpu = 0;
}

static void call_on(unsigned cpu, unsigned callback)
{
	host_cpu = cpu;
	guest_call_rcu(&callbacks[callback].head, run_callback);
}

static void pass_on(unsigned cpu)
{
	host_cpu = cpu;
	rcu_quiescent_state();
}

static void end_on(unsigned cpu)
{
	host_cpu = cpu;
	rcu_end();
}

START_TEST(a_callback_waits_for_each_processor)
{
	call_on(0, 0);
	for (unsigned i = 0; i < ROUNDS; i++)
		pass_on(0);
	pass_on(1);
	for (unsigned i = 0; i < ROUNDS; i++)
		pass_on(0);
	ck_assert_uint_eq(ran[0], 0);
	ck_assert_uint_eq(rcu_pending(), 1);
	pass_on(2);
	ck_assert_uint_eq(ran[0], 0); /* nobody else runs it */
	pass_on(0);
	ck_assert_uint_eq(ran[0], 1);
	ck_assert_uint_eq(ran_on[0], 0);
	ck_assert_uint_eq(rcu_pending(), 0);
}
END_TEST

/* The others were in a quiescent state after the call, but before the grace period began. */
START_TEST(a_quiescent_state_before_the_start_does_not_count)
{
	call_on(0, 0);
	pass_on(1);
	pass_on(2);
	for (unsigned i = 0; i < ROUNDS; i++)
		pass_on(0);
	ck_assert_uint_eq(ran[0], 0);
}
END_TEST

START_TEST(a_callback_does_not_join_a_batch_that_waits)
{
	call_on(0, 0);
	pass_on(0);
	pass_on(1);
	pass_on(2);
	call_on(0, 1); /* readers on 1 and 2 may have found what this unpublished */
	pass_on(0);
	ck_assert_uint_eq(ran[0], 1);
	for (unsigned i = 0; i < ROUNDS; i++)
		pass_on(0);
	ck_assert_uint_eq(ran[1], 0);
	pass_on(1);
	pass_on(2);
	pass_on(0);
	ck_assert_uint_eq(ran[1], 1);
}
END_TEST

START_TEST(a_grace_period_of_another_serves_only_earlier_callbacks)
{
	call_on(0, 0);
	pass_on(0);
	call_on(1, 1);
	pass_on(1);
	pass_on(2);
	pass_on(0);
	ck_assert_uint_eq(ran[0],
			  1); /* 0, 1 and 2 have seen the second sequence, beyond the first */
	ck_assert_uint_eq(ran[1], 0);
	pass_on(1);
	ck_assert_uint_eq(ran[1], 1);
}
END_TEST

START_TEST(nobody_waits_for_a_processor_that_has_ended)
{
	end_on(1);
	call_on(0, 0);
	pass_on(0);
	end_on(2);
	pass_on(0);
	ck_assert_uint_eq(ran[0], 1);
}
END_TEST

START_TEST(a_quiescent_state_runs_a_bounded_number_in_order)
{
	for (unsigned i = 0; i < HEADS; i++)
		call_on(0, i);
	pass_on(0);
	pass_on(1);
	pass_on(2);
	for (unsigned wanted = 0; wanted < HEADS;) {
		pass_on(0);
		wanted = wanted + RCU_CALLBACKS_MAX < HEADS ? wanted + RCU_CALLBACKS_MAX : HEADS;
		ck_assert_uint_eq(ran_count, wanted);
	}
	for (unsigned i = 0; i < HEADS; i++)
		ck_assert_uint_eq(order[i], i);
}
END_TEST

START_TEST(a_callback_may_ask_again_with_its_head)
{
	callbacks[0].asks_again = true;
	call_on(0, 0);
	pass_on(0);
	pass_on(1);
	pass_on(2);
	pass_on(0);
	ck_assert_uint_eq(ran[0], 1);
	pass_on(0);
	ck_assert_uint_eq(ran[0], 1); /* a new grace period */
	pass_on(1);
	pass_on(2);
	pass_on(0);
	ck_assert_uint_eq(ran[0], 2);
}
END_TEST

START_TEST(finish_runs_what_is_left_on_all_processors)
{
	callbacks[2].asks_again = true;
	call_on(0, 0);
	pass_on(0); /* 0 waits */
	call_on(0, 1);
	call_on(1, 2);
	call_on(2, 3);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		end_on(cpu);
	host_cpu = 0;
	rcu_finish();
	ck_assert_uint_eq(ran_count, 5);
	ck_assert_uint_eq(ran[2], 2);
	ck_assert_uint_eq(order[0], 0);
	ck_assert_uint_eq(order[1], 1);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		ck_assert_uint_eq(rcu_cpus[cpu].pending, 0);
	call_on(0, 4);
	rcu_finish();
	ck_assert_uint_eq(ran[4], 1);
}
END_TEST

START_TEST(sections_nest_and_cost_no_state)
{
	host_cpu = 0;
	rcu_section_begin();
	rcu_section_begin();
	rcu_section_end();
	rcu_section_end();
	call_on(0, 0);
	pass_on(0);
	ck_assert_uint_eq(rcu_sequence, 1);
}
END_TEST

START_TEST(a_quiescent_state_inside_a_section_is_a_panic)
{
	host_cpu = 0;
	rcu_section_begin();
	call_on(0, 0);
	pass_on(0);
}
END_TEST

Suite *guest_rcu_suite(void)
{
	Suite *suite = suite_create("guest_rcu");
	TCase *tcase = tcase_create("guest_rcu");

	tcase_add_checked_fixture(tcase, setup, teardown);
	TCASE_ADD_TESTS(tcase, a_callback_waits_for_each_processor,
			a_quiescent_state_before_the_start_does_not_count,
			a_callback_does_not_join_a_batch_that_waits,
			a_grace_period_of_another_serves_only_earlier_callbacks,
			nobody_waits_for_a_processor_that_has_ended,
			a_quiescent_state_runs_a_bounded_number_in_order,
			a_callback_may_ask_again_with_its_head,
			finish_runs_what_is_left_on_all_processors,
			sections_nest_and_cost_no_state);
	if (can_fork())
		tcase_add_exit_test(tcase, a_quiescent_state_inside_a_section_is_a_panic,
				    STATUS_PANIC);
	suite_add_tcase(suite, tcase);
	return suite;
}
