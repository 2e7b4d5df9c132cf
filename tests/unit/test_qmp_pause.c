/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/source/qemu/qmp_pause.h with a real QEMU that has two QMP sockets: one for the pause, and one for somebody
 * else, who does something to the guest meanwhile.
 */
#include "unit/suites.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/pauser.h"
#include "source/pauser_protocol.h"
#include "source/qemu/qemu_pauser.h"
#include "source/qemu/qmp_pause.h"

#define QEMU        "qemu-system-x86_64"
#define PATIENCE_S  60 /* only against hangs */
#define PATIENCE_MS (PATIENCE_S * 1000 / 2)

static char directory[32];
static char paths[2][64];
static pid_t qemu;
static struct qmp qmp, other;
static struct qmp_pause pause_state;
static struct error err;

static void connect_to(struct qmp *client, const char *path)
{
	int result;

	/* QEMU binds the socket a moment before it listens on it. */
	do
		result = qmp_connect(client, path, PATIENCE_MS, &err);
	while (result == -ECONNREFUSED || result == -ENOENT);
	ck_assert_msg(result == 0, "%s", err.text);
}

/* Starts a QEMU; `incoming` is the argument of its option -incoming, or NULL. Its guest is stopped. */
static void start_qemu(const char *incoming)
{
	char options[2][160];

	for (int i = 0; i < 2; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%d", directory, i);
		unlink(paths[i]);
		snprintf(options[i], sizeof(options[i]), "unix:%s,server=on,wait=off", paths[i]);
	}
	qemu = fork();
	if (qemu == 0) {
		execlp(QEMU, QEMU, "-S", "-accel", "tcg", "-machine", "microvm", "-m", "16M",
		       "-nodefaults", "-display", "none", "-qmp", options[0], "-qmp", options[1],
		       incoming ? "-incoming" : NULL, incoming, NULL);
		_exit(127);
	}
	ck_assert_int_gt(qemu, 0);
	connect_to(&qmp, paths[0]);
	connect_to(&other, paths[1]);
}

static void end_qemu(void)
{
	qmp_close(&qmp);
	qmp_close(&other);
	kill(qemu, SIGKILL);
	waitpid(qemu, NULL, 0);
}

static void setup(void)
{
	strcpy(directory, "/tmp/pagevisor-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	start_qemu(NULL);
}

static void teardown(void)
{
	end_qemu();
	for (int i = 0; i < 2; i++)
		unlink(paths[i]);
	rmdir(directory);
}

/* Somebody else executes a command; `arguments` is an object in JSON, or NULL. */
static void do_other(const char *command, const char *arguments)
{
	int result = qmp_execute(&other, command, arguments ? json_tokener_parse(arguments) : NULL,
				 NULL, &err);

	ck_assert_msg(result == 0, "%s", err.text);
}

/* Whether the status that a command reports is that word. */
static bool reports(const char *command, const char *word)
{
	struct json_object *answer;

	ck_assert_msg(qmp_execute(&other, command, NULL, &answer, &err) == 0, "%s", err.text);
	const char *status = json_get_text(answer, "status");
	bool is_it = status && strcmp(status, word) == 0;

	json_object_put(answer);
	return is_it;
}

static void assert_state(const char *word)
{
	ck_assert_msg(reports("query-status", word), "the state is not %s", word);
}

static void await(const char *command, const char *word)
{
	while (!reports(command, word))
		usleep(1000);
}

static void begin(void)
{
	ck_assert_msg(qmp_pause_begin(&pause_state, &qmp, &err) == 0, "%s", err.text);
	ck_assert(pause_state.is_ours);
	assert_state("paused");
}

/* The end of a pause fails in one line with these words. */
static void assert_end_fails(const char *words)
{
	ck_assert_int_eq(qmp_pause_end(&pause_state, &err), -EBUSY);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
	ck_assert_ptr_null(strchr(err.text, '\n'));
}

static void end(void)
{
	ck_assert_msg(qmp_pause_end(&pause_state, &err) == 0, "%s", err.text);
}

/* Somebody else saves the guest to a file, as in a migration to another host. */
static void migrate(void)
{
	do_other("migrate", "{\"uri\": \"exec:cat >/dev/null\"}");
}

START_TEST(what_was_running_runs_again)
{
	do_other("cont", NULL);
	for (int round = 0; round < 5; round++) {
		begin();
		end();
		assert_state("running");
	}
}
END_TEST

START_TEST(what_was_stopped_stays_so)
{
	ck_assert_int_eq(qmp_pause_begin(&pause_state, &qmp, &err), 0);
	ck_assert(!pause_state.is_ours);
	end();
	assert_state("prelaunch");
	do_other("cont", NULL);
	do_other("stop", NULL);
	ck_assert_int_eq(qmp_pause_begin(&pause_state, &qmp, &err), 0);
	ck_assert(!pause_state.is_ours);
	end();
	assert_state("paused");
	/* It ran meanwhile. */
	ck_assert_int_eq(qmp_pause_begin(&pause_state, &qmp, &err), 0);
	do_other("cont", NULL);
	do_other("stop", NULL);
	assert_end_fails("someone else resumed the guest during the pause (its state is paused");
	assert_state("paused");
}
END_TEST

/* An operator's cont ends our pause, and the stop after it is the operator's. */
START_TEST(who_resumes_a_guest_takes_it_over)
{
	do_other("cont", NULL);
	begin();
	do_other("cont", NULL);
	assert_end_fails("(its state is running by now)");
	assert_state("running");
	begin();
	do_other("cont", NULL);
	do_other("stop", NULL);
	assert_end_fails("(its state is paused by now)");
	assert_state("paused");
	/* What happened before a pause does not count in it. */
	do_other("cont", NULL);
	begin();
	end();
	assert_state("running");
}
END_TEST

/* QEMU does not tell of a stop while the guest is stopped: it is undone with the pause, as the header says. */
START_TEST(a_stop_in_a_pause_leaves_no_trace)
{
	do_other("cont", NULL);
	begin();
	do_other("stop", NULL);
	ck_assert_int_eq(qmp_take_events(&qmp, &err), 0);
	ck_assert(!pause_state.was_resumed && !pause_state.was_reset);
	end();
	assert_state("running");
}
END_TEST

/* The guest lives in its copy by now. Nor may it run after a reset. */
START_TEST(what_was_migrated_stays_stopped)
{
	do_other("cont", NULL);
	begin();
	migrate();
	await("query-status", "postmigrate");
	assert_end_fails("the guest stays stopped: QEMU's state is postmigrate by now");
	assert_state("postmigrate");
	ck_assert_int_eq(qmp_pause_begin(&pause_state, &qmp, &err), 0);
	ck_assert(!pause_state.is_ours);
	end();
	assert_state("postmigrate");

	do_other("cont", NULL);
	begin();
	migrate();
	await("query-status", "postmigrate");
	do_other("system_reset", NULL);
	await("query-status", "prelaunch");
	assert_end_fails("the guest stays stopped: QEMU's state is prelaunch by now");
	assert_state("prelaunch");
}
END_TEST

/* A migration that is just being finished: no cont is possible, and none is tried. */
START_TEST(what_is_being_migrated_is_left_alone)
{
	do_other(
		"migrate-set-capabilities",
		"{\"capabilities\": [{\"capability\": \"pause-before-switchover\", \"state\": true}]}");
	do_other("cont", NULL);
	begin();
	migrate();
	await("query-migrate", "pre-switchover");
	assert_end_fails("QEMU's state is finish-migrate by now");
	assert_state("finish-migrate");
}
END_TEST

/* A guest that is paused when its migration ends would begin paused on the other side. */
START_TEST(a_migration_is_not_disturbed)
{
	do_other("cont", NULL);
	do_other("migrate-set-parameters", "{\"max-bandwidth\": 4096}");
	migrate();
	await("query-migrate", "active");
	ck_assert_int_eq(qmp_pause_begin(&pause_state, &qmp, &err), -EBUSY);
	ck_assert_msg(strstr(err.text, "QEMU is migrating the guest (active)") != NULL, "%s",
		      err.text);
	ck_assert(!pause_state.is_ours);
	assert_state("running");
	do_other("migrate_cancel", NULL);
	await("query-migrate", "cancelled");
	begin();
	end();
	assert_state("running");
}
END_TEST

/* A guest that was reset in its pause must not be left standing: it was running for whoever reset it. */
START_TEST(a_reset_guest_boots)
{
	do_other("cont", NULL);
	begin();
	do_other("system_reset", NULL);
	await("query-status", "prelaunch");
	assert_end_fails("the guest was reset during the pause");
	assert_state("running");
}
END_TEST

START_TEST(memory_that_is_being_filled_has_no_instant)
{
	end_qemu();
	start_qemu("defer");
	ck_assert_int_eq(qmp_pause_begin(&pause_state, &qmp, &err), -EBUSY);
	ck_assert_msg(strstr(err.text, "filling the guest's memory (inmigrate)") != NULL, "%s",
		      err.text);
	assert_state("inmigrate");
}
END_TEST

/* The answer to `cont` was lost, not its effect. */
START_TEST(a_resume_without_an_answer_counts)
{
	do_other("cont", NULL);
	begin();
	pause_state.was_asked = true;
	do_other("cont", NULL);
	end();
	assert_state("running");
}
END_TEST

/* A process that pauses the guest as an inspector's does. */
static void start_pauser(struct pauser *pauser)
{
	char pid[16];
	int pair[2];

	snprintf(pid, sizeof(pid), "%d", (int)qemu);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*pauser = (struct pauser){.is_started = true, .fd = pair[0]};
	pauser->pid = fork();
	if (pauser->pid == 0) {
		close(pair[0]);
		dup2(pair[1], STDIN_FILENO);
		_exit(qemu_pauser_main(paths[0], pid, "60000"));
	}
	close(pair[1]);
	struct pauser_reply ready;

	ck_assert_int_eq(recv(pauser->fd, &ready, sizeof(ready), 0), sizeof(ready));
	ck_assert_msg(ready.result == 0, "%s", ready.error.text);
}

/* Shuts the connections of a process with QEMU's first socket. Returns how many there are. */
static int break_connections(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), broken = 0;

	for (int fd = STDERR_FILENO + 1; fd < 64; fd++) {
		struct sockaddr_un address = {0};
		socklen_t size = sizeof(address) - 1;
		int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

		if (copy < 0)
			continue;
		if (getpeername(copy, (struct sockaddr *)&address, &size) == 0 &&
		    strcmp(address.sun_path, paths[0]) == 0)
			broken += shutdown(copy, SHUT_RDWR) == 0;
		close(copy);
	}
	close(pidfd);
	return broken;
}

/* Nobody else would resume the guest. */
START_TEST(a_pause_outlives_its_connection)
{
	struct pauser pauser;
	uint64_t paused_ns;

	do_other("cont", NULL);
	qmp_close(&qmp);
	start_pauser(&pauser);
	ck_assert_msg(pauser_pause(&pauser, &err) == 0, "%s", err.text);
	assert_state("paused");
	ck_assert_int_eq(break_connections(pauser.pid), 1);
	ck_assert_msg(pauser_resume(&pauser, &paused_ns, &err) == 0, "%s", err.text);
	assert_state("running");
	pauser_stop(&pauser);
	connect_to(&qmp, paths[0]);
}
END_TEST

Suite *qmp_pause_suite(void)
{
	Suite *suite = suite_create("qmp_pause");
	TCase *tcase;

	if (system("command -v " QEMU " >/dev/null") != 0) {
		fprintf(stderr, "unit: no " QEMU ": pauses through QMP are not tested\n");
		return suite;
	}
	tcase = tcase_create("qmp_pause");
	tcase_set_timeout(tcase, PATIENCE_S);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_running_runs_again);
	tcase_add_test(tcase, what_was_stopped_stays_so);
	tcase_add_test(tcase, who_resumes_a_guest_takes_it_over);
	tcase_add_test(tcase, a_stop_in_a_pause_leaves_no_trace);
	tcase_add_test(tcase, what_was_migrated_stays_stopped);
	tcase_add_test(tcase, what_is_being_migrated_is_left_alone);
	tcase_add_test(tcase, a_migration_is_not_disturbed);
	tcase_add_test(tcase, a_reset_guest_boots);
	tcase_add_test(tcase, memory_that_is_being_filled_has_no_instant);
	tcase_add_test(tcase, a_resume_without_an_answer_counts);
	tcase_add_test(tcase, a_pause_outlives_its_connection);
	suite_add_tcase(suite, tcase);
	return suite;
}
