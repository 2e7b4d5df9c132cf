/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of how a VM is held over its socket while its machine is read: the server (vmm/attach/server_control.h) and the client
 * (vmm/source/vm/own_vm.h) talk to each other in one process, with a stand-in for the machine.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach/server.h"
#include "base/clock.h"
#include "memory/rcu.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"

#define RAM_SIZE (16 * PAGE_SIZE)

/* More than two pieces, and no multiple of them. */
#define PART_SIZE (2 * ATTACH_PIECE_MAX + 100)

static char directory[64];
static struct guest_memory memory;
static struct attach_server server;
static struct attach_vm vm;
static struct source source;
static struct error err;
static bool is_paused, is_asked_to_end, was_saved, has_machine;
static unsigned states_taken;
static int failure;

static int pause_vcpus(void *own, struct error *why)
{
	(void)own;
	(void)why;
	__atomic_store_n(&is_paused, true, __ATOMIC_RELAXED);
	return 0;
}

static int resume_vcpus(void *own, uint64_t *paused_ns, struct error *why)
{
	(void)own;
	(void)why;
	*paused_ns = 1;
	__atomic_store_n(&is_paused, false, __ATOMIC_RELAXED);
	return 0;
}

static int get_state(void *own, struct machine_state *state, struct error *why)
{
	static uint8_t bytes[PART_SIZE];

	(void)own;
	if (failure)
		return error_set(why, failure, "no");
	states_taken++;
	for (size_t i = 0; i < PART_SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + states_taken);
	return machine_state_add(state, MACHINE_PART_ENGINE, 3, bytes, sizeof(bytes), why);
}

static const struct control_ops with_machine = {
	.pause = pause_vcpus, .resume = resume_vcpus, .machine_state = get_state};
static const struct control_ops without = {.pause = pause_vcpus, .resume = resume_vcpus};
static struct control control;

static void end_vm(bool is_saved)
{
	was_saved = is_saved;
	__atomic_store_n(&is_asked_to_end, true, __ATOMIC_RELEASE);
}

static void start(void)
{
	control = (struct control){has_machine ? &with_machine : &without, NULL, "unit"};
	ck_assert_msg(attach_server_start(&server, &vm, &err) == 0, "%s", err.text);
	ck_assert_msg(source_open("unit", &source, &err) == 0, "%s", err.text);
}

static void setup(void)
{
	urcu_memb_register_thread();
	strcpy(directory, "/tmp/pagevisor-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("XDG_RUNTIME_DIR", directory, 1);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	vm = (struct attach_vm){
		.id = {.name = "unit", .pid = (uint32_t)getpid()},
		.cpu_count = 1,
		.memory = &memory,
		.memory_fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.control = &control,
		.stop = end_vm,
	};
	ck_assert_int_eq(ftruncate(vm.memory_fd, RAM_SIZE), 0);
	ck_assert_int_eq(fcntl(vm.memory_fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), RAM_SIZE, vm.memory_fd, 0, true, &err),
			 0);
	is_paused = is_asked_to_end = was_saved = false;
	has_machine = true;
	states_taken = 0;
	failure = 0;
}

static void teardown(void)
{
	char path[sizeof(directory) + sizeof("/pagevisor")];

	guest_memory_destroy(&memory);
	close(vm.memory_fd);
	snprintf(path, sizeof(path), "%s/pagevisor", directory);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	urcu_memb_unregister_thread();
}

static void stop(void)
{
	source_close(&source);
	attach_server_stop(&server);
	ck_assert(!is_paused);
}

static bool is_paused_now(void)
{
	return __atomic_load_n(&is_paused, __ATOMIC_RELAXED);
}

/* Asks for the state, and checks that it is the one that the machine gave as its n-th. */
static void check_state(unsigned n)
{
	struct machine_state state = {0};

	ck_assert_msg(control_machine_state(&source.control, &state, &err) == 0, "%s", err.text);
	const uint8_t *bytes = machine_part_find(&state, MACHINE_PART_ENGINE, 3, PART_SIZE);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < PART_SIZE; i++)
		ck_assert_uint_eq(bytes[i], (uint8_t)(i * 7 + n));
	ck_assert_uint_eq(states_taken, n);
	machine_state_free(&state);
}

START_TEST(the_state_comes_over_the_wire)
{
	uint64_t paused_ns;

	start();
	for (unsigned i = 1; i < 4; i++) {
		ck_assert_int_eq(control_pause(&source.control, &err), 0);
		/* In one pause it is taken once. */
		check_state(i);
		check_state(i);
		ck_assert_int_eq(control_resume(&source.control, &paused_ns, &err), 0);
	}
	stop();
}
END_TEST

START_TEST(outside_of_a_pause_there_is_none)
{
	struct machine_state state = {0};
	uint64_t paused_ns;

	start();
	ck_assert_int_eq(control_machine_state(&source.control, &state, &err), -ETIME);
	ck_assert_int_eq(control_pause(&source.control, &err), 0);
	check_state(1);
	/* One that another inspector holds is not this one's. */
	struct source other;

	ck_assert_int_eq(source_open("unit", &other, &err), 0);
	ck_assert_int_eq(control_machine_state(&other.control, &state, &err), -ETIME);
	source_close(&other);
	ck_assert_int_eq(control_resume(&source.control, &paused_ns, &err), 0);
	ck_assert_int_eq(control_machine_state(&source.control, &state, &err), -ETIME);
	ck_assert_uint_eq(state.size, 0);
	stop();
}
END_TEST

START_TEST(a_machine_without_a_state_says_so)
{
	struct machine_state state = {0};
	uint64_t paused_ns;

	has_machine = _i == 1;
	failure = _i == 1 ? -EIO : 0;
	start();
	ck_assert_int_eq(control_pause(&source.control, &err), 0);
	ck_assert_int_eq(control_machine_state(&source.control, &state, &err),
			 _i == 1 ? -EIO : -ENOTSUP);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert_uint_eq(state.size, 0);
	ck_assert_int_eq(control_resume(&source.control, &paused_ns, &err), 0);
	stop();
}
END_TEST

START_TEST(a_vm_is_held_past_its_resume)
{
	uint64_t ns = 0;

	start();
	own_vm_hold(&source);
	ck_assert_int_eq(control_pause(&source.control, &err), 0);
	ck_assert_int_eq(control_resume(&source.control, &ns, &err), 0);
	/* Longer than any other pause lasts. */
	clock_sleep_ns(ATTACH_PAUSE_MAX_NS + NS_PER_S / 5);
	ck_assert(is_paused_now());
	ck_assert(attach_server_is_held(&server));
	check_state(1);
	ck_assert_int_eq(own_vm_let_go(&source, &ns, &err), 0);
	ck_assert_uint_gt(ns, ATTACH_PAUSE_MAX_NS);
	ck_assert(!is_paused_now());
	stop();
}
END_TEST

START_TEST(a_holder_that_is_gone_holds_nothing)
{
	uint64_t ns, deadline = clock_now_ns() + 60 * NS_PER_S;

	start();
	own_vm_hold(&source);
	ck_assert_int_eq(control_pause(&source.control, &err), 0);
	ck_assert_int_eq(control_resume(&source.control, &ns, &err), 0);
	source_close(&source);
	while (is_paused_now() && clock_now_ns() < deadline)
		clock_sleep_ns(NS_PER_MS);
	ck_assert(!is_paused_now());
	attach_server_stop(&server);
	ck_assert(!was_saved);
}
END_TEST

/* Ends the VM, as its main thread does. */
static void *end_when_asked(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&is_asked_to_end, __ATOMIC_ACQUIRE))
		clock_sleep_ns(NS_PER_MS);
	clock_sleep_ns(50 * NS_PER_MS);
	/* Nothing has let the guest run in between. */
	bool was_paused = is_paused_now();

	attach_server_stop(&server);
	return was_paused ? &server : NULL;
}

START_TEST(a_saved_vm_ends_without_running_on)
{
	pthread_t thread;
	uint64_t ns;
	void *was_paused;

	start();
	pthread_create(&thread, NULL, end_when_asked, NULL);
	own_vm_hold(&source);
	ck_assert_int_eq(control_pause(&source.control, &err), 0);
	ck_assert_int_eq(control_resume(&source.control, &ns, &err), 0);
	if (_i == 0) {
		ck_assert_int_eq(own_vm_end_saved(&source, 60 * NS_PER_S, &err), 0);
		pthread_join(thread, &was_paused);
		source_close(&source);
	} else {
		/* A client that dies just after it has asked. */
		ck_assert_int_eq(own_vm_end_saved(&source, NS_PER_MS, &err), -ETIME);
		source_close(&source);
		pthread_join(thread, &was_paused);
	}
	ck_assert(was_saved);
	ck_assert_ptr_nonnull(was_paused);
	/* Whoever waits for the end of the pause, as the manager of its memory, goes on. */
	ck_assert(!is_paused_now());
}
END_TEST

START_TEST(who_does_not_hold_a_vm_has_not_saved_it)
{
	uint64_t ns;

	start();
	ck_assert_int_eq(own_vm_end_saved(&source, NS_PER_S, &err), -ETIME);
	ck_assert_int_eq(control_pause(&source.control, &err), 0);
	ck_assert_int_eq(own_vm_end_saved(&source, NS_PER_S, &err), -ETIME);
	ck_assert(!is_asked_to_end);
	ck_assert_int_eq(control_resume(&source.control, &ns, &err), 0);
	stop();
}
END_TEST

START_TEST(a_vm_that_nobody_can_end_is_not_held)
{
	vm.stop = NULL;
	start();
	own_vm_hold(&source);
	ck_assert_int_eq(control_pause(&source.control, &err), -ENOTSUP);
	ck_assert(!is_paused_now());
	stop();
}
END_TEST

Suite *attach_machine_suite(void)
{
	Suite *suite = suite_create("attach_machine");
	TCase *tcase = tcase_create("attach_machine");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_state_comes_over_the_wire);
	tcase_add_test(tcase, outside_of_a_pause_there_is_none);
	tcase_add_loop_test(tcase, a_machine_without_a_state_says_so, 0, 2);
	tcase_add_test(tcase, a_vm_is_held_past_its_resume);
	tcase_add_test(tcase, a_holder_that_is_gone_holds_nothing);
	tcase_add_loop_test(tcase, a_saved_vm_ends_without_running_on, 0, 2);
	tcase_add_test(tcase, who_does_not_hold_a_vm_has_not_saved_it);
	tcase_add_test(tcase, a_vm_that_nobody_can_end_is_not_held);
	suite_add_tcase(suite, tcase);
	return suite;
}
