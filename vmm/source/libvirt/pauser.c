/* SPDX-License-Identifier: MPL-2.0 */
/* The inspector's side of pausing a domain: see pauser.h. */
#include "source/libvirt/pauser.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/libvirt/connection.h"
#include "source/libvirt/pauser_protocol.h"

/* Longer than any call of the process takes, except connecting. */
#define REPLY_TIMEOUT_MS (2 * LIBVIRT_TIMEOUT_MS)

extern char **environ;

/*
 * Starts the process in a session of its own: signals that a terminal sends to the inspector's group do not reach it.
 */
static int spawn(struct pauser *pauser, int its_end, const char *uri, const char *uuid,
		 unsigned deadline_ms)
{
	char deadline[16];
	const char *const arguments[] = {"pagevisor", PAUSER_COMMAND, uri, uuid, deadline, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	snprintf(deadline, sizeof(deadline), "%u", deadline_ms);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, its_end, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	int result = posix_spawn(&pauser->pid, "/proc/self/exe", &actions, &attributes,
				 (char *const *)arguments, environ);

	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

/* Waits for a message from the process. */
static int receive(struct pauser *pauser, struct pauser_reply *reply, int timeout_ms,
		   struct error *err)
{
	struct pollfd wait = {.fd = pauser->fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&wait, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return error_set(err, -ETIMEDOUT, "libvirt does not answer");
	ssize_t length = recv(pauser->fd, reply, sizeof(*reply), MSG_DONTWAIT);

	if (length != sizeof(*reply))
		return error_set(err, -ENOTCONN, "the process that pauses domains has ended");
	reply->text[sizeof(reply->text) - 1] = '\0';
	return reply->result < 0 ? error_set(err, reply->result, "%s", reply->text) : 0;
}

static int ask(struct pauser *pauser, char request, struct pauser_reply *reply, struct error *err)
{
	if (send(pauser->fd, &request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return error_set(err, -ENOTCONN, "the process that pauses domains has ended");
	return receive(pauser, reply, REPLY_TIMEOUT_MS, err);
}

int pauser_start(struct pauser *pauser, const char *uri, const char *uuid, unsigned deadline_ms,
		 struct error *err)
{
	struct pauser_reply ready;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	pauser->fd = ends[0];
	int result = spawn(pauser, ends[1], uri, uuid, deadline_ms);

	close(ends[1]);
	if (result < 0) {
		close(ends[0]);
		return error_set(err, result, "cannot start a process to pause the domain: %s",
				 strerror(-result));
	}
	result = receive(pauser, &ready, LIBVIRT_OPEN_TIMEOUT_MS + REPLY_TIMEOUT_MS, err);
	if (result < 0)
		pauser_stop(pauser);
	return result;
}

/* Does not wait for a process that hangs in libvirt. The process resumes the domain when it can, and init reaps it. */
void pauser_stop(struct pauser *pauser)
{
	struct pollfd gone = {.fd = pauser->fd, .events = POLLIN};

	shutdown(pauser->fd, SHUT_WR);
	/* The process's end of the socket closes when it exits. */
	while (poll(&gone, 1, REPLY_TIMEOUT_MS) > 0) {
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

int pauser_resume(struct pauser *pauser, uint64_t *paused_ns, struct error *err)
{
	struct pauser_reply reply;
	int result = ask(pauser, PAUSER_RESUME, &reply, err);

	if (result == 0)
		*paused_ns = reply.paused_ns;
	return result;
}
