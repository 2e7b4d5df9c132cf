/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/source/pauser.h and pauser_serve.h against each other: a process that pauses a guest of counters, which it
 * shares with the test.
 */
#include "unit/suites.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "source/pauser.h"
#include "source/pauser_protocol.h"
#include "source/pauser_serve.h"

#define PATIENCE_S 60 /* only against hangs */
#define LONG_MS    (PATIENCE_S * 1000)
#define SHORT_MS   20

struct guest {
	unsigned begins, ends; /* atomic */
	int begin_result, end_result;
	bool is_held; /* what `begin` reports */
	unsigned vcpus;
};

static struct guest *guest;
static struct pauser pauser;
static struct error err;

static int begin(void *own, bool *is_held, struct error *why)
{
	struct guest *it = own;

	__atomic_fetch_add(&it->begins, 1, __ATOMIC_RELEASE);
	*is_held = it->is_held;
	return it->begin_result == 0 ? 0 : error_set(why, it->begin_result, "no begin");
}

static int end(void *own, struct error *why)
{
	struct guest *it = own;

	__atomic_fetch_add(&it->ends, 1, __ATOMIC_RELEASE);
	return it->end_result == 0 ? 0 : error_set(why, it->end_result, "no end");
}

/* As many vCPUs, of which each has its number in all bytes. */
static int read_state(void *own, struct machine_state *state, struct error *why)
{
	struct guest *it = own;
	struct machine_registers registers;

	for (unsigned cpu = 0; cpu < it->vcpus; cpu++) {
		memset(&registers, (int)cpu, sizeof(registers));
		if (machine_state_add(state, MACHINE_PART_REGISTERS, cpu, &registers,
				      sizeof(registers), why) < 0)
			return -E2BIG;
	}
	return it->vcpus ? 0 : error_set(why, -EPROTO, "no registers");
}

static unsigned ends(void)
{
	return __atomic_load_n(&guest->ends, __ATOMIC_ACQUIRE);
}

static void setup(void)
{
	guest = mmap(NULL, sizeof(*guest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ck_assert_ptr_ne(guest, MAP_FAILED);
	guest->is_held = true;
}

static void teardown(void)
{
	munmap(guest, sizeof(*guest));
}

static void start(unsigned deadline_ms)
{
	const struct pauser_work work = {
		.begin = begin, .end = end, .state = read_state, .own = guest};
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pauser.fd = pair[0];
	pauser.pid = fork();
	if (pauser.pid == 0) {
		close(pair[0]);
		dup2(pair[1], STDIN_FILENO);
		close(pair[1]);
		pauser_serve(&work, deadline_ms);
		_exit(0);
	}
	close(pair[1]);
	pauser.is_started = true;
}

START_TEST(a_guest_is_paused_and_resumed)
{
	uint64_t paused_ns = 0;

	start(LONG_MS);
	for (unsigned round = 1; round <= 3; round++) {
		ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
		ck_assert_uint_eq(ends(), round - 1);
		ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), 0);
		ck_assert_uint_eq(ends(), round);
		ck_assert_uint_gt(paused_ns, 0);
	}
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), -ETIME);
	pauser_stop(&pauser);
	ck_assert_uint_eq(ends(), 3);
}
END_TEST

START_TEST(registers_are_those_of_the_pause)
{
	struct machine_state state = {0};
	uint64_t paused_ns;

	guest->vcpus = MACHINE_VCPUS_MAX;
	start(LONG_MS);
	ck_assert_int_eq(pauser_state(&pauser, &state, &err), -ETIME);
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	ck_assert_int_eq(pauser_state(&pauser, &state, &err), 0);
	for (unsigned cpu = 0; cpu < MACHINE_VCPUS_MAX; cpu++) {
		const struct machine_registers *registers =
			machine_part_find(&state, MACHINE_PART_REGISTERS, cpu, sizeof(*registers));

		ck_assert_ptr_nonnull(registers);
		ck_assert_uint_eq(registers->efer, UINT64_C(0x0101010101010101) * cpu);
	}
	machine_state_free(&state);
	guest->vcpus = 0;
	ck_assert_int_eq(pauser_state(&pauser, &state, &err), -EPROTO);
	ck_assert_str_eq(err.text, "no registers");
	ck_assert_uint_eq(state.size, 0);
	/* The pause is none the worse. */
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), 0);
	ck_assert_int_eq(pauser_state(&pauser, &state, &err), -ETIME);
	pauser_stop(&pauser);
	ck_assert_uint_eq(ends(), 1);
}
END_TEST

START_TEST(a_deadline_ends_a_pause)
{
	uint64_t paused_ns;

	start(SHORT_MS);
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	while (ends() == 0)
		usleep(1000);
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), -ETIME);
	ck_assert_ptr_nonnull(strstr(err.text, "the pause took too long"));
	/* The deadline was for that pause alone, and so was what came of it. */
	guest->is_held = false;
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), 0);
	ck_assert_uint_eq(ends(), 2);
	pauser_stop(&pauser);
}
END_TEST

/* What is not to be resumed when the deadline has come stays, and that is reported. */
START_TEST(what_a_deadline_could_not_end_is_reported)
{
	uint64_t paused_ns;

	guest->end_result = -EBUSY;
	start(SHORT_MS);
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	while (ends() == 0)
		usleep(1000);
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), -EBUSY);
	ck_assert_str_eq(err.text, "no end");
	ck_assert_uint_eq(ends(), 1);
	pauser_stop(&pauser);
}
END_TEST

/* A guest that was stopped before needs no deadline. */
START_TEST(a_guest_at_rest_has_no_deadline)
{
	uint64_t paused_ns;

	guest->is_held = false;
	start(0);
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	usleep(SHORT_MS * 1000);
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), 0);
	pauser_stop(&pauser);
}
END_TEST

/* A failed pause that may have stopped the guest is ended at once; one that has not is not. */
START_TEST(a_failed_pause_is_ended)
{
	guest->begin_result = -ETIMEDOUT;
	start(LONG_MS);
	ck_assert_int_eq(pauser_pause(&pauser, &err), -ETIMEDOUT);
	ck_assert_str_eq(err.text, "no begin");
	ck_assert_uint_eq(ends(), 1);
	guest->is_held = false;
	ck_assert_int_eq(pauser_pause(&pauser, &err), -ETIMEDOUT);
	pauser_stop(&pauser);
	ck_assert_uint_eq(ends(), 1);
}
END_TEST

/* The inspector is gone, however it went: its end of the socket closes. */
START_TEST(an_inspector_that_is_gone_holds_nothing)
{
	start(LONG_MS);
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	close(pauser.fd);
	ck_assert_int_eq(waitpid(pauser.pid, NULL, 0), pauser.pid);
	ck_assert_uint_eq(ends(), 1);
}
END_TEST

/* So is the process that pauses: that is an error, not a wait. */
START_TEST(a_process_that_is_gone_is_reported)
{
	uint64_t paused_ns;

	start(LONG_MS);
	ck_assert_int_eq(pauser_pause(&pauser, &err), 0);
	kill(pauser.pid, SIGKILL);
	ck_assert_int_eq(pauser_resume(&pauser, &paused_ns, &err), -ENOTCONN);
	ck_assert_ptr_nonnull(strstr(err.text, "has ended: the guest may still be paused"));
	pauser_stop(&pauser);
	ck_assert_int_eq(waitpid(pauser.pid, NULL, WNOHANG), -1);
}
END_TEST

/* The process is one of the peers of a command, whose deadline is that of all. */
START_TEST(a_process_that_hangs_costs_one_deadline)
{
	uint64_t before = deadline_ns();
	struct pauser_reply reply;

	deadline_set_patience(SHORT_MS * NS_PER_MS);
	start(LONG_MS);
	kill(pauser.pid, SIGSTOP);
	ck_assert_int_eq(pauser_pause(&pauser, &err), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.text, "it resumes the guest as soon as it can"));
	ck_assert_uint_ne(deadline_ns(), before);
	int fd = dup(pauser.fd);

	pauser_stop(&pauser);
	/* It resumes what it has paused late. */
	kill(pauser.pid, SIGCONT);
	while (recv(fd, &reply, sizeof(reply), 0) > 0)
		;
	ck_assert_int_eq(waitpid(pauser.pid, NULL, 0), pauser.pid);
	ck_assert_uint_eq(ends(), 1);
	close(fd);
	deadline_set_patience(PATIENCE_DEFAULT_NS);
	deadline_begin();
}
END_TEST

Suite *pauser_suite(void)
{
	Suite *suite = suite_create("pauser");
	TCase *tcase = tcase_create("pauser");

	tcase_set_timeout(tcase, PATIENCE_S);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_guest_is_paused_and_resumed);
	tcase_add_test(tcase, registers_are_those_of_the_pause);
	tcase_add_test(tcase, a_deadline_ends_a_pause);
	tcase_add_test(tcase, what_a_deadline_could_not_end_is_reported);
	tcase_add_test(tcase, a_guest_at_rest_has_no_deadline);
	tcase_add_test(tcase, a_failed_pause_is_ended);
	tcase_add_test(tcase, an_inspector_that_is_gone_holds_nothing);
	tcase_add_test(tcase, a_process_that_is_gone_is_reported);
	tcase_add_test(tcase, a_process_that_hangs_costs_one_deadline);
	suite_add_tcase(suite, tcase);
	return suite;
}
