/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of what vmm/manage/keeper.h is made of: the ledger, ages, runs of frames, the gate, huge pages. */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "manage/ages.h"
#include "manage/gate.h"
#include "manage/huge_pages.h"
#include "manage/ledger.h"
#include "manage/punch.h"
#include "unit/managed_guest.h"

#define FRAMES 64
#define S      NS_PER_S

static struct error err;

START_TEST(the_ledger_counts_what_it_holds)
{
	struct ledger ledger;

	ck_assert_int_eq(ledger_init(&ledger, FRAMES, &err), 0);
	ledger_set(&ledger, 0, LEDGER_CLAIMED, false);
	ledger_set(&ledger, 1, LEDGER_CLAIMED, true);
	ledger_set(&ledger, FRAMES - 1, LEDGER_PUNCHED, true);
	ck_assert_uint_eq(ledger_held(&ledger), 3);
	ck_assert_uint_eq(ledger.hard, 2);
	ledger_set(&ledger, 1, LEDGER_PUNCHED, true);
	ledger_set(&ledger, 0, LEDGER_POPULATED, false);
	ck_assert_uint_eq(ledger_held(&ledger), 3);
	ck_assert_uint_eq(ledger.counts[LEDGER_PUNCHED], 2);
	ck_assert(ledger_is_hard(&ledger, 1) && !ledger_is_hard(&ledger, 0));
	ledger_set(&ledger, 1, LEDGER_NONE, true);
	ck_assert_uint_eq(ledger_held(&ledger), 2);
	ck_assert_uint_eq(ledger.hard, 1);
	ck_assert_int_eq(ledger_state(&ledger, 0), LEDGER_POPULATED);
	ledger_forget(&ledger);
	ck_assert_uint_eq(ledger_held(&ledger) + ledger.hard, 0);
	for (uint64_t frame = 0; frame < FRAMES; frame++)
		ck_assert_int_eq(ledger_state(&ledger, frame), LEDGER_NONE);
	ledger_destroy(&ledger);
}
END_TEST

static void assert_count(const struct ledger *ledger, uint64_t first, uint64_t end)
{
	const struct ledger_count count = ledger_count(ledger, first, end);
	unsigned held = 0, hard = 0;

	for (uint64_t frame = first; frame < end; frame++) {
		held += ledger_state(ledger, frame) != LEDGER_NONE;
		hard += ledger_is_hard(ledger, frame);
	}
	ck_assert_uint_eq(count.held, held);
	ck_assert_uint_eq(count.hard, hard);
}

START_TEST(ranges_of_the_ledger_are_set_and_counted)
{
	uint64_t frames[FRAMES];
	struct ledger ledger;

	ck_assert_int_eq(ledger_init(&ledger, FRAMES, &err), 0);
	for (uint64_t i = 0; i < FRAMES; i++)
		frames[i] = i;
	ledger_set_claimed(&ledger, frames + 3, 17, false);
	ledger_set_claimed(&ledger, frames + 20, 21, true);
	ck_assert_uint_eq(ledger_held(&ledger), 38);
	ck_assert_uint_eq(ledger.hard, 21);
	ledger_set_punched(&ledger, 5, 20);
	ledger_set_punched(&ledger, 30, 41);
	ledger_set(&ledger, 50, LEDGER_POPULATED, false);
	ck_assert_uint_eq(ledger.counts[LEDGER_CLAIMED], 12);
	ck_assert_uint_eq(ledger.counts[LEDGER_PUNCHED], 26);
	ck_assert_uint_eq(ledger.hard, 21);
	ck_assert_int_eq(ledger_state(&ledger, 4), LEDGER_CLAIMED);
	ck_assert_int_eq(ledger_state(&ledger, 5), LEDGER_PUNCHED);
	ck_assert(!ledger_is_hard(&ledger, 5) && ledger_is_hard(&ledger, 40));
	ck_assert_int_eq(ledger_state(&ledger, 41), LEDGER_NONE);
	for (uint64_t first = 0; first <= FRAMES; first++)
		for (uint64_t end = first; end <= FRAMES; end++)
			assert_count(&ledger, first, end);
	ledger_destroy(&ledger);
}
END_TEST

START_TEST(a_frame_ages_while_its_state_stays)
{
	uint64_t unused = slot_state(7, REF_UNUSED);
	struct ages ages;

	ck_assert_int_eq(ages_init(&ages, FRAMES, &err), 0);
	ck_assert(!ages_is_cold(&ages, 3, unused));
	ages_meet(&ages, 3, unused);
	ck_assert(!ages_is_cold(&ages, 3, unused));
	ages_meet(&ages, 3, unused);
	ck_assert(ages_is_cold(&ages, 3, unused));
	ck_assert(!ages_is_cold(&ages, 3, slot_state(8, REF_UNUSED)));
	ck_assert(!ages_is_cold(&ages, 3, slot_state(7, 1)));
	ck_assert(!ages_is_cold(&ages, 4, unused));
	/* For ever, without overflow into the generation. */
	for (int i = 0; i < 1000; i++)
		ages_meet(&ages, 3, unused);
	ck_assert(ages_is_cold(&ages, 3, unused));
	ages_meet(&ages, 3, slot_state(8, REF_UNUSED));
	ck_assert(!ages_is_cold(&ages, 3, slot_state(8, REF_UNUSED)));
	ages_meet(&ages, 3, slot_state(8, 1));
	ages_meet(&ages, 3, slot_state(8, REF_UNUSED));
	ck_assert(!ages_is_cold(&ages, 3, slot_state(8, REF_UNUSED)));
	ages_meet(&ages, 3, slot_state(8, REF_UNUSED));
	ages_forget(&ages, 3);
	ck_assert(!ages_is_cold(&ages, 3, slot_state(8, REF_UNUSED)));
	ages_destroy(&ages);
}
END_TEST

START_TEST(ages_of_sweeps_that_were_closer_are_worth_nothing)
{
	uint64_t unused = slot_state(0, REF_UNUSED);
	struct ages ages;

	ck_assert_int_eq(ages_init(&ages, FRAMES, &err), 0);
	ck_assert_uint_eq(ages_due_ns(&ages, S), 0);
	ages_begin(&ages, S, 10 * S);
	ages_meet(&ages, 0, unused);
	ck_assert_uint_eq(ages_due_ns(&ages, S), 11 * S);
	ages_begin(&ages, S, 11 * S);
	ages_meet(&ages, 0, unused);
	/* Of sweeps that were farther apart they are worth more than is asked. */
	ck_assert_uint_eq(ages_due_ns(&ages, S / 2), 11 * S + S / 2);
	ck_assert(ages_is_cold(&ages, 0, unused));
	ages_begin(&ages, S / 2, 12 * S);
	ck_assert_uint_eq(ages_due_ns(&ages, S), 0);
	ck_assert(!ages_is_cold(&ages, 0, unused));
	ages_destroy(&ages);
}
END_TEST

static void assert_run(const uint64_t *frames, unsigned count, uint64_t start, uint64_t end,
		       unsigned length)
{
	unsigned found;
	struct frame_run run = frame_run_first(frames, count, &found);

	ck_assert_uint_eq(run.start, start);
	ck_assert_uint_eq(run.end, end);
	ck_assert_uint_eq(found, length);
}

START_TEST(runs_rise_or_fall)
{
	const uint64_t frames[] = {5, 6, 7, 3, 2, 9, 10, 9};

	assert_run(frames, 8, 5, 8, 3);
	assert_run(frames, 2, 5, 7, 2);
	assert_run(frames, 1, 5, 6, 1);
	assert_run(frames + 3, 5, 2, 4, 2);
	assert_run(frames + 5, 3, 9, 11, 2);
	assert_run(frames + 6, 2, 9, 11, 2);
}
END_TEST

/* Wherever they end. */
START_TEST(long_runs_are_one)
{
	uint64_t frames[FRAMES];

	for (unsigned end = 1; end < FRAMES; end++) {
		for (unsigned i = 0; i < FRAMES; i++)
			frames[i] = 100 + i + (i >= end);
		assert_run(frames, FRAMES, 100, 100 + end, end);
		assert_run(frames, end, 100, 100 + end, end);
	}
}
END_TEST

START_TEST(huge_pages_are_in_force_for_all_or_for_those_who_ask)
{
	ck_assert(huge_pages_chosen("[always] within_size advise never deny force\n", false));
	ck_assert(huge_pages_chosen("always [within_size] advise never deny force\n", false));
	ck_assert(huge_pages_chosen("always within_size advise never deny [force]\n", false));
	ck_assert(!huge_pages_chosen("always within_size [advise] never deny force\n", false));
	ck_assert(huge_pages_chosen("always within_size [advise] never deny force\n", true));
	ck_assert(!huge_pages_chosen("always within_size advise [never] deny force\n", true));
	ck_assert(!huge_pages_chosen("", true));
}
END_TEST

static struct gate gate;
static int order;

static void *take_pause(void *argument)
{
	const struct control control = gate_control(&gate);
	uint64_t ns;

	(void)argument;
	ck_assert_int_eq(control_pause(&control, &err), 0);
	ck_assert_int_eq(__atomic_fetch_add(&order, 1, __ATOMIC_SEQ_CST), 1);
	clock_sleep_ns(20 * NS_PER_MS);
	ck_assert_int_eq(__atomic_fetch_add(&order, 1, __ATOMIC_SEQ_CST), 2);
	ck_assert_int_eq(control_resume(&control, &ns, &err), 0);
	return NULL;
}

static bool is_paused(void)
{
	pthread_mutex_lock(&gate.lock);
	bool is = gate.is_paused;

	pthread_mutex_unlock(&gate.lock);
	return is;
}

START_TEST(a_pause_waits_for_a_batch_and_the_next_batch_for_the_pause)
{
	pthread_t thread;

	managed_guest_setup();
	order = 0;
	gate_init(&gate, &managed.control);
	gate_enter(&gate);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_pause, NULL), 0);
	while (!is_paused())
		clock_sleep_ns(NS_PER_MS);
	ck_assert_uint_eq(managed.pauses, 0);
	ck_assert_int_eq(__atomic_fetch_add(&order, 1, __ATOMIC_SEQ_CST), 0);
	gate_leave(&gate);
	gate_enter(&gate);
	ck_assert_int_eq(__atomic_load_n(&order, __ATOMIC_SEQ_CST), 3);
	gate_leave(&gate);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(managed.pauses, 1);
	ck_assert_uint_eq(managed.resumes, 1);
	gate_destroy(&gate);
	managed_guest_teardown();
}
END_TEST

static int fail_to_pause(void *own, struct error *why)
{
	(void)own;
	return error_set(why, -1, "no");
}

START_TEST(a_pause_that_fails_opens_the_gate_and_a_lack_is_passed_on)
{
	const struct control_ops ops = {.pause = fail_to_pause};
	const struct control engine = {&ops, NULL, "it"};

	gate_init(&gate, &engine);
	const struct control control = gate_control(&gate);

	ck_assert_int_lt(control_pause(&control, &err), 0);
	gate_enter(&gate);
	gate_leave(&gate);
	ck_assert(!control_has_dirty_log(&control));
	gate_destroy(&gate);
}
END_TEST

Suite *ledger_suite(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("ledger");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, the_ledger_counts_what_it_holds);
	tcase_add_test(tcase, ranges_of_the_ledger_are_set_and_counted);
	tcase_add_test(tcase, a_frame_ages_while_its_state_stays);
	tcase_add_test(tcase, ages_of_sweeps_that_were_closer_are_worth_nothing);
	tcase_add_test(tcase, runs_rise_or_fall);
	tcase_add_test(tcase, long_runs_are_one);
	tcase_add_test(tcase, huge_pages_are_in_force_for_all_or_for_those_who_ask);
	tcase_add_test(tcase, a_pause_waits_for_a_batch_and_the_next_batch_for_the_pause);
	tcase_add_test(tcase, a_pause_that_fails_opens_the_gate_and_a_lack_is_passed_on);
	suite_add_tcase(suite, tcase);
	return suite;
}
