/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/attach/server_pause.h with a clock that the test sets: inspectors that overlap, alternate, die and stop
 * never keep the VM from running half of the time.
 */
#include "unit/suites.h"

#include <errno.h>

#include "attach/server_pause.h"

#define MS         NS_PER_MS
#define MAX        ATTACH_PAUSE_MAX_NS
#define UNANSWERED 1

static uint64_t now;
static unsigned pauses, resumes;
static int pause_result;
static uint64_t pause_takes;
static int answers[ATTACH_CLIENTS_MAX + 1]; /* the result that each inspector got last */
static struct server_pause pause_state;

static uint64_t tell_now(void)
{
	return now;
}

static int pause_vcpus(void *own, struct error *err)
{
	(void)own;
	now += pause_takes;
	pauses += pause_result == 0;
	return pause_result == 0 ? 0 : error_set(err, pause_result, "no");
}

static int resume_vcpus(void *own, uint64_t *paused_ns, struct error *err)
{
	(void)own;
	(void)err;
	*paused_ns = 0;
	resumes++;
	return 0;
}

static void note_answer(int fd, uint32_t sequence, int result)
{
	ck_assert_uint_eq(sequence, (unsigned)fd + 100);
	answers[fd] = result;
}

static const struct control_ops ops = {.pause = pause_vcpus, .resume = resume_vcpus};
static const struct control control = {&ops, NULL, "the guest"};

static void setup(void)
{
	now = 1000 * NS_PER_S;
	pauses = resumes = 0;
	pause_result = 0;
	pause_takes = 0;
	pause_state = (struct server_pause){
		.control = &control, .now_ns = tell_now, .answer = note_answer};
}

/* An inspector asks; returns the answer, or UNANSWERED. */
static int ask(int fd)
{
	answers[fd] = UNANSWERED;
	server_pause_ask(&pause_state, fd, (uint32_t)fd + 50, (uint32_t)fd + 100, false);
	return answers[fd];
}

static int ask_to_hold(int fd)
{
	answers[fd] = UNANSWERED;
	server_pause_ask(&pause_state, fd, (uint32_t)fd + 50, (uint32_t)fd + 100, true);
	return answers[fd];
}

static int release(int fd)
{
	uint64_t paused_ns;

	return server_pause_release(&pause_state, fd, &paused_ns);
}

static bool is_paused(void)
{
	ck_assert_uint_ge(pauses, resumes);
	ck_assert_uint_le(pauses - resumes, 1);
	return pauses > resumes;
}

/* Time passes; the server's loop wakes up whenever it said it has to. */
static void pass(uint64_t ns)
{
	for (uint64_t end = now + ns;;) {
		int wait = server_pause_advance(&pause_state);

		if (wait < 0 || now + (uint64_t)wait * MS > end) {
			now = end;
			return;
		}
		/* Nothing is due at once and for ever. */
		ck_assert_int_gt(wait, 0);
		now += (uint64_t)wait * MS;
	}
}

START_TEST(a_pause_is_granted_and_released)
{
	uint64_t paused_ns;

	ck_assert_int_eq(ask(1), 0);
	ck_assert(is_paused());
	ck_assert_int_eq(ask(1), -EALREADY);
	pass(30 * MS);
	ck_assert_uint_eq(server_pause_holder(&pause_state).pid, 51);
	ck_assert_int_eq(server_pause_release(&pause_state, 1, &paused_ns), 0);
	ck_assert_uint_eq(paused_ns, 30 * MS);
	ck_assert(!is_paused());
	ck_assert_uint_eq(server_pause_holder(&pause_state).since_ns, 0);
	ck_assert_int_eq(release(1), -ETIME);
	ck_assert_int_eq(server_pause_advance(&pause_state), -1);
}
END_TEST

/* The deadline belongs to the VM: an inspector that joins does not move it. */
START_TEST(one_deadline_for_all)
{
	ck_assert_int_eq(ask(1), 0);
	pass(MAX / 2 - 10 * MS);
	ck_assert_int_eq(ask(2), 0);
	ck_assert_int_eq(release(1), 0);
	ck_assert(is_paused());
	pass(MAX / 2 + 20 * MS);
	ck_assert(!is_paused());
	ck_assert_int_eq(release(2), -ETIME);
}
END_TEST

/* In the second half nobody joins: the time left could be too short. All who wait share the next pause. */
START_TEST(late_ones_share_the_next_pause)
{
	ck_assert_int_eq(ask(1), 0);
	pass(MAX / 2);
	ck_assert_int_eq(ask(2), UNANSWERED);
	pass(100 * MS);
	ck_assert_int_eq(ask(3), UNANSWERED);
	ck_assert_int_eq(release(1), 0);
	ck_assert(!is_paused());
	/* As long as the pause was. */
	pass(MAX / 2 + 90 * MS);
	ck_assert(!is_paused());
	ck_assert_int_eq(answers[2], UNANSWERED);
	pass(20 * MS);
	ck_assert(is_paused());
	ck_assert_int_eq(answers[2], 0);
	ck_assert_int_eq(answers[3], 0);
	ck_assert_uint_eq(pauses, 2);
	ck_assert_int_eq(release(2), 0);
	ck_assert_int_eq(release(3), 0);
	ck_assert(!is_paused());
}
END_TEST

/*
 * Whatever inspectors do, the VM runs at least half of the time: each of them asks again whenever it may, and holds on to
 * its pause for a while, or for ever.
 */
START_TEST(a_vm_runs_half_of_the_time)
{
	static const uint64_t holds[] = {0, MS, 300 * MS, MAX / 2, MAX - MS, UINT64_MAX};
	const uint64_t hold = holds[_i % 6];
	const int inspectors = _i / 6 ? 3 : 1;
	uint64_t from[4], paused = 0, longest = 0, current = 0;
	bool holding[4] = {0}, asked[4] = {0};

	for (uint64_t ms = 0; ms < 20000; ms++) {
		for (int fd = 1; fd <= inspectors; fd++) {
			if (asked[fd] && answers[fd] == 0) {
				holding[fd] = true;
				asked[fd] = false;
				from[fd] = now;
			}
			/* They begin in turns, so that each one's pause could overlap with the next one's. */
			if (holding[fd] && hold != UINT64_MAX && now - from[fd] >= hold) {
				release(fd);
				holding[fd] = false;
			}
			if (holding[fd] && hold == UINT64_MAX && !is_paused())
				holding[fd] = false;
			if (!holding[fd] && !asked[fd] && ms % 3 == (unsigned)fd % 3) {
				ask(fd);
				asked[fd] = true;
			}
		}
		pass(MS);
		paused += is_paused();
		current = is_paused() ? current + 1 : 0;
		longest = current > longest ? current : longest;
	}
	ck_assert_uint_ge(pauses, 5);
	ck_assert_uint_le(paused, 20000 / 2 + MAX / MS);
	ck_assert_uint_le(longest, MAX / MS + 1);
}
END_TEST

START_TEST(short_pauses_leave_a_least_time_to_run)
{
	ck_assert_int_eq(ask(1), 0);
	ck_assert_int_eq(release(1), 0);
	ck_assert_int_eq(ask(1), UNANSWERED);
	pass(ATTACH_RUN_MIN_NS - 2 * MS);
	ck_assert_int_eq(answers[1], UNANSWERED);
	pass(4 * MS);
	ck_assert_int_eq(answers[1], 0);
}
END_TEST

/* An inspector that dies or disconnects holds nothing, and waits for nothing. */
START_TEST(the_dead_hold_nothing)
{
	ck_assert_int_eq(ask(1), 0);
	ck_assert_int_eq(ask(2), 0);
	server_pause_forget(&pause_state, 1);
	ck_assert(is_paused());
	server_pause_forget(&pause_state, 2);
	ck_assert(!is_paused());
	ck_assert_int_eq(ask(3), UNANSWERED);
	server_pause_forget(&pause_state, 3);
	pass(10 * NS_PER_S);
	ck_assert_int_eq(answers[3], UNANSWERED);
	ck_assert_uint_eq(pauses, 1);
	server_pause_forget(&pause_state, 3);
	ck_assert_uint_eq(pause_state.count, 0);
}
END_TEST

/* An inspector that no longer waits takes its request back. */
START_TEST(a_request_can_be_withdrawn)
{
	ck_assert_int_eq(ask(1), 0);
	ck_assert_int_eq(release(1), 0);
	ck_assert_int_eq(ask(2), UNANSWERED);
	ck_assert_int_eq(release(2), -ETIME);
	ck_assert_int_eq(answers[2], -ECANCELED);
	pass(10 * NS_PER_S);
	ck_assert_uint_eq(pauses, 1);
}
END_TEST

/* vCPUs that do not stop in time stood still, too, some of them: attempts are spaced as pauses are. */
START_TEST(failed_attempts_are_spaced)
{
	pause_result = -ETIMEDOUT;
	pause_takes = 1000 * MS;
	ck_assert_int_eq(ask(1), -ETIMEDOUT);
	ck_assert_uint_eq(pause_state.count, 0);
	ck_assert_int_eq(ask(1), UNANSWERED);
	pass(990 * MS);
	ck_assert_int_eq(answers[1], UNANSWERED);
	pause_result = 0;
	pass(20 * MS);
	ck_assert_int_eq(answers[1], 0);
	ck_assert(is_paused());
	ck_assert_uint_eq(resumes, 0);
}
END_TEST

START_TEST(no_more_shares_than_inspectors)
{
	for (int fd = 0; fd < ATTACH_CLIENTS_MAX; fd++)
		ck_assert_int_eq(ask(fd), 0);
	ck_assert_int_eq(ask(ATTACH_CLIENTS_MAX), -EUSERS);
	for (int fd = 0; fd < ATTACH_CLIENTS_MAX; fd++)
		ck_assert_int_eq(release(fd), 0);
	ck_assert(!is_paused());
}
END_TEST

START_TEST(a_hold_has_no_limit)
{
	ck_assert_int_eq(ask_to_hold(1), 0);
	pass(50 * MAX);
	ck_assert(is_paused());
	ck_assert(server_pause_is_held(&pause_state));
	ck_assert(server_pause_has(&pause_state, 1));
	ck_assert_int_eq(server_pause_advance(&pause_state), -1);
	/* Whoever holds it and dies holds nothing; then the VM runs, but not as long as it was held. */
	server_pause_forget(&pause_state, 1);
	ck_assert(!is_paused());
	ck_assert_int_eq(ask(2), UNANSWERED);
	pass(MAX + MS);
	ck_assert_int_eq(answers[2], 0);
}
END_TEST

/* Others get their share at once, of the usual length, and the VM stays paused after it. */
START_TEST(others_pause_a_vm_that_is_held)
{
	ck_assert_int_eq(ask_to_hold(1), 0);
	pass(3 * MAX);
	ck_assert_int_eq(ask(2), 0);
	pass(MAX - 10 * MS);
	ck_assert(server_pause_has(&pause_state, 2));
	pass(20 * MS);
	ck_assert(!server_pause_has(&pause_state, 2));
	ck_assert_int_eq(release(2), -ETIME);
	ck_assert(is_paused());
	/* A share outlives the hold, but not its own time, and nobody joins. */
	ck_assert_int_eq(ask(2), 0);
	ck_assert_int_eq(release(1), 0);
	ck_assert(is_paused());
	ck_assert_int_eq(ask(3), UNANSWERED);
	pass(MAX + 2 * MS);
	ck_assert(!is_paused());
	ck_assert_int_eq(release(2), -ETIME);
}
END_TEST

/* A hold that joins a pause takes its limit away from nobody else's share. */
START_TEST(a_hold_joins_a_pause)
{
	ck_assert_int_eq(ask(1), 0);
	pass(MAX / 4);
	ck_assert_int_eq(ask_to_hold(2), 0);
	pass(MAX);
	ck_assert_int_eq(release(1), -ETIME);
	ck_assert(is_paused());
	ck_assert_int_eq(release(2), 0);
	ck_assert(!is_paused());
}
END_TEST

START_TEST(a_pause_stays_until_the_vm_has_ended)
{
	ck_assert_int_eq(ask(1), 0);
	ck_assert_int_eq(server_pause_stay(&pause_state, 1), -ETIME);
	ck_assert_int_eq(server_pause_stay(&pause_state, 2), -ETIME);
	ck_assert_int_eq(ask_to_hold(2), 0);
	ck_assert_int_eq(server_pause_stay(&pause_state, 2), 0);
	server_pause_forget(&pause_state, 1);
	server_pause_forget(&pause_state, 2);
	pass(5 * MAX);
	ck_assert(is_paused());
	server_pause_end(&pause_state);
	ck_assert(!is_paused());
	server_pause_end(&pause_state);
	ck_assert(!is_paused());
}
END_TEST

START_TEST(a_vm_that_begins_held_is_let_go_once)
{
	pauses = 1; /* by its own process */
	server_pause_begin_held(&pause_state, 7);
	ck_assert(server_pause_is_held(&pause_state));
	ck_assert_uint_eq(server_pause_holder(&pause_state).pid, 7);
	pass(5 * MAX);
	ck_assert(is_paused());
	/* Inspectors come and go, as many as there can be. */
	for (int fd = 1; fd <= ATTACH_CLIENTS_MAX; fd++)
		ck_assert_int_eq(ask(fd), 0);
	ck_assert_uint_eq(pauses, 1);
	for (int fd = 2; fd <= ATTACH_CLIENTS_MAX; fd++)
		ck_assert_int_eq(release(fd), 0);
	ck_assert_int_eq(server_pause_let_go(&pause_state), 0);
	ck_assert_int_eq(server_pause_let_go(&pause_state), -EALREADY);
	ck_assert(!server_pause_is_held(&pause_state));
	/* The pause of the last one goes on. */
	ck_assert(is_paused());
	ck_assert_int_eq(release(1), 0);
	ck_assert(!is_paused());
}
END_TEST

START_TEST(a_vm_that_does_not_begin_held_is_not_let_go)
{
	ck_assert_int_eq(ask_to_hold(1), 0);
	ck_assert_int_eq(server_pause_let_go(&pause_state), -EALREADY);
	ck_assert(is_paused());
}
END_TEST

Suite *server_pause_suite(void)
{
	Suite *suite = suite_create("server_pause");
	TCase *tcase = tcase_create("server_pause");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_pause_is_granted_and_released);
	tcase_add_test(tcase, one_deadline_for_all);
	tcase_add_test(tcase, late_ones_share_the_next_pause);
	tcase_add_loop_test(tcase, a_vm_runs_half_of_the_time, 0, 12);
	tcase_add_test(tcase, short_pauses_leave_a_least_time_to_run);
	tcase_add_test(tcase, the_dead_hold_nothing);
	tcase_add_test(tcase, a_request_can_be_withdrawn);
	tcase_add_test(tcase, failed_attempts_are_spaced);
	tcase_add_test(tcase, no_more_shares_than_inspectors);
	tcase_add_test(tcase, a_hold_has_no_limit);
	tcase_add_test(tcase, others_pause_a_vm_that_is_held);
	tcase_add_test(tcase, a_hold_joins_a_pause);
	tcase_add_test(tcase, a_pause_stays_until_the_vm_has_ended);
	tcase_add_test(tcase, a_vm_that_begins_held_is_let_go_once);
	tcase_add_test(tcase, a_vm_that_does_not_begin_held_is_not_let_go);
	suite_add_tcase(suite, tcase);
	return suite;
}
