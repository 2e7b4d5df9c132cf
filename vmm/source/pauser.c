/* SPDX-License-Identifier: MPL-2.0 */
/* The inspector's side of a pause by another process: see pauser.h. */
#include "source/pauser.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "source/pauser_protocol.h"

#define ARGUMENTS_MAX 8

extern char **environ;

/*
 * Starts the process in a session of its own, and with all signals blocked but that of its sandbox: whatever a terminal
 * or a user sends to the inspector must not end it. A fault of its own still does.
 */
static int spawn(struct pauser *pauser, int its_end, const char *const arguments[])
{
	const char *argv[ARGUMENTS_MAX + 2] = {"pagevisor"};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t blocked;

	for (int i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
		argv[i + 1] = arguments[i];
	sigfillset(&blocked);
	sigdelset(&blocked, SIGSYS);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, its_end, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &blocked);
	int result = posix_spawn(&pauser->pid, "/proc/self/exe", &actions, &attributes,
				 (char *const *)argv, environ);

	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

static int refuse_ended(bool may_be_paused, struct error *err)
{
	return error_set(err, -ENOTCONN, "the process that pauses the guest has ended%s",
			 may_be_paused ? ": the guest may still be paused" : "");
}

/* Waits for a message, or the end, of the process. */
static int await(const struct pauser *pauser, unsigned timeout_ms)
{
	struct pollfd wait = {.fd = pauser->fd, .events = POLLIN};
	uint64_t end_ns = deadline_begin_wait(timeout_ms);
	int ready;

	do
		ready = poll(&wait, 1, clock_left_ms(end_ns));
	while (ready < 0 && errno == EINTR);
	deadline_end_wait(timeout_ms, ready > 0);
	return ready > 0 ? 0 : -ETIMEDOUT;
}

/* Receives a message from the process. What a failure means for the guest depends on whether it may be paused by then. */
static int receive(struct pauser *pauser, struct pauser_reply *reply, unsigned timeout_ms,
		   bool may_be_paused, struct error *err)
{
	if (await(pauser, timeout_ms) < 0)
		return error_set(err, -ETIMEDOUT,
				 "the process that pauses the guest does not answer%s",
				 may_be_paused ? ": it resumes the guest as soon as it can" : "");
	ssize_t length = recv(pauser->fd, reply, sizeof(*reply), MSG_DONTWAIT);

	if (length != sizeof(*reply))
		return refuse_ended(may_be_paused, err);
	reply->error.text[sizeof(reply->error.text) - 1] = '\0';
	return reply->result < 0 ? error_set(err, reply->result, "%s", reply->error.text) : 0;
}

static int ask(struct pauser *pauser, char request, struct pauser_reply *reply, struct error *err)
{
	if (!pauser->is_started)
		return refuse_ended(false, err);
	if (send(pauser->fd, &request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return refuse_ended(true, err);
	return receive(pauser, reply, SHARED_TIMEOUT_MS, true, err);
}

int pauser_start(struct pauser *pauser, const char *const arguments[], unsigned start_ms,
		 struct error *err)
{
	struct pauser_reply ready;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	pauser->fd = ends[0];
	int result = spawn(pauser, ends[1], arguments);

	close(ends[1]);
	if (result < 0) {
		close(ends[0]);
		return error_set(err, result, "cannot start a process to pause the guest: %s",
				 strerror(-result));
	}
	pauser->is_started = true;
	result = receive(pauser, &ready, start_ms, false, err);
	if (result < 0)
		pauser_stop(pauser);
	return result;
}

/* Does not wait for a process that hangs. It resumes the guest when it can, and init reaps it. */
void pauser_stop(struct pauser *pauser)
{
	if (!pauser->is_started)
		return;
	pauser->is_started = false;
	shutdown(pauser->fd, SHUT_WR);
	/* The process's end of the socket closes when it exits. */
	while (await(pauser, SHARED_TIMEOUT_MS) == 0) {
		struct pauser_reply late;

		if (recv(pauser->fd, &late, sizeof(late), MSG_DONTWAIT) <= 0) {
			waitpid(pauser->pid, NULL, 0);
			break;
		}
	}
	close(pauser->fd);
}

int pauser_pause(struct pauser *pauser, struct error *err)
{
	struct pauser_reply reply;

	return ask(pauser, PAUSER_PAUSE, &reply, err);
}

int pauser_state(struct pauser *pauser, struct machine_state *state, struct error *err)
{
	struct machine_state received = {0};
	struct pauser_reply reply;
	int result = ask(pauser, PAUSER_STATE, &reply, err);

	if (result < 0)
		return result;
	if (reply.state_size > MACHINE_STATE_MAX)
		return error_set(err, -EPROTO, "the registers of the guest are too many");
	received.bytes = malloc(reply.state_size + PAUSER_PIECE_MAX);
	if (!received.bytes)
		return error_set(err, -ENOMEM, "no memory for the state of the machine");
	while (received.size < reply.state_size) {
		ssize_t length = -1;

		if (await(pauser, SHARED_TIMEOUT_MS) == 0)
			length = recv(pauser->fd, received.bytes + received.size, PAUSER_PIECE_MAX,
				      MSG_DONTWAIT);
		if (length <= 0) {
			free(received.bytes);
			return refuse_ended(true, err);
		}
		received.size += (size_t)length;
	}
	result = machine_state_append(state, &received, err);
	free(received.bytes);
	return result;
}

int pauser_resume(struct pauser *pauser, uint64_t *paused_ns, struct error *err)
{
	struct pauser_reply reply;
	int result = ask(pauser, PAUSER_RESUME, &reply, err);

	if (result == 0)
		*paused_ns = reply.paused_ns;
	return result;
}
