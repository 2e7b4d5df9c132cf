/* SPDX-License-Identifier: MPL-2.0 */
/* Pausing a guest of QEMU: see qmp_pause.h. */
#include "source/qemu/qmp_pause.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

/* No client uses this id, so no client takes the answer for its own. */
#define CONT_COMMAND "{\"execute\": \"cont\", \"id\": \"guardian\"}\n"

#define ANSWER_MS 2000 /* QEMU may drop input that it has not read when the socket closes */

/* Exit statuses of the guardian. */
#define DISMISSED 0
#define RESUMED   1

static void close_others(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (low > 0)
		close_range(0, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

/* Runs in the child of a multi-threaded process: system calls only. */
static _Noreturn void guard(int dismissal_fd, int qmp_fd, unsigned max_ms)
{
	struct pollfd dismissal = {.fd = dismissal_fd, .events = POLLIN};
	struct pollfd answer = {.fd = qmp_fd, .events = POLLIN};
	sigset_t all;
	char bytes[4096];

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	close_others(dismissal_fd, qmp_fd);
	if (poll(&dismissal, 1, (int)max_ms) > 0 && read(dismissal_fd, bytes, 1) == 1)
		_exit(DISMISSED);
	send(qmp_fd, CONT_COMMAND, sizeof(CONT_COMMAND) - 1, MSG_NOSIGNAL);
	/* The process that paused may be alive and read the answer itself. */
	if (poll(&dismissal, 1, 0) == 0)
		_exit(RESUMED);
	while (poll(&answer, 1, ANSWER_MS) > 0) {
		ssize_t length = recv(qmp_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (length <= 0 || memmem(bytes, (size_t)length, "\"guardian\"", 10))
			break;
	}
	_exit(RESUMED);
}

static int start_guardian(struct qmp_pause *pause, const struct qmp *qmp, unsigned max_ms,
			  struct error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	pause->guardian = fork();
	if (pause->guardian == 0) {
		close(ends[1]);
		guard(ends[0], qmp->fd, max_ms);
	}
	int result = pause->guardian < 0 ? -errno : 0;

	close(ends[0]);
	pause->guardian_fd = ends[1];
	if (result == 0)
		return 0;
	close(ends[1]);
	return error_set(err, result, "a process: %s", strerror(-result));
}

/* Whether the guardian was dismissed before it resumed the guest. */
static bool dismiss_guardian(const struct qmp_pause *pause)
{
	int status = 0;

	/* The guardian may have ended already; MSG_NOSIGNAL avoids a SIGPIPE then. */
	while (send(pause->guardian_fd, "", 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	close(pause->guardian_fd);
	while (waitpid(pause->guardian, &status, 0) < 0 && errno == EINTR)
		;
	return !WIFEXITED(status) || WEXITSTATUS(status) == DISMISSED;
}

static int is_running(struct qmp *qmp, bool *running, struct error *err)
{
	struct json_object *status, *value;
	int result = qmp_execute(qmp, "query-status", NULL, &status, err);

	if (result < 0)
		return result;
	value = json_member(status, "running", json_type_boolean);
	if (value)
		*running = json_object_get_boolean(value);
	else
		result = error_set(err, -EPROTO, "QMP: no status of the guest");
	json_object_put(status);
	return result;
}

int qmp_pause_begin(struct qmp_pause *pause, struct qmp *qmp, unsigned max_ms, struct error *err)
{
	struct error ignored;
	uint64_t paused_ns;

	*pause = (struct qmp_pause){.since_ns = clock_now_ns()};
	int result = is_running(qmp, &pause->is_ours, err);

	if (result < 0 || !pause->is_ours)
		return result;
	result = start_guardian(pause, qmp, max_ms, err);
	if (result < 0)
		return result;
	pause->since_ns = clock_now_ns();
	result = qmp_execute(qmp, "stop", NULL, NULL, err);
	/* The guest may be stopped all the same, for example when no answer came. */
	if (result < 0)
		qmp_pause_end(pause, qmp, &paused_ns, &ignored);
	return result;
}

int qmp_pause_end(struct qmp_pause *pause, struct qmp *qmp, uint64_t *paused_ns, struct error *err)
{
	*paused_ns = 0;
	if (!pause->is_ours)
		return 0;
	int result = qmp_execute(qmp, "cont", NULL, NULL, err);

	*paused_ns = clock_now_ns() - pause->since_ns;
	/* Without an answer, closing the guardian's socket makes the guardian ask again. */
	if (result < 0) {
		close(pause->guardian_fd);
		while (waitpid(pause->guardian, NULL, 0) < 0 && errno == EINTR)
			;
		return result;
	}
	if (dismiss_guardian(pause))
		return 0;
	return error_set(err, -ETIMEDOUT,
			 "the pause took too long: the guest was resumed, and what was read is not "
			 "of one instant");
}
