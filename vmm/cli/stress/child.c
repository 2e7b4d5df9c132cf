/* SPDX-License-Identifier: MPL-2.0 */
/* Processes that a stress run starts: see child.h. */
#include "cli/stress/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/exit_status.h"

#define SELF "/proc/self/exe"

/* The shell's exit status for a program that cannot be started. */
#define EXIT_NOT_STARTED 127

static _Noreturn void become(char **argv, const int *out, const int *err_pipe, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NOT_STARTED);
	/* Ctrl-C is for the parent, which ends its children in good order. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(out[1], STDOUT_FILENO);
	dup2(err_pipe[1], STDERR_FILENO);
	execv(SELF, argv);
	_exit(EXIT_NOT_STARTED);
}

int child_start(struct child *child, char **argv, bool keep_output, struct error *err)
{
	int out[2], err_pipe[2];
	pid_t parent = getpid();
	int result;

	*child = (struct child){.out_fd = -1, .err_fd = -1};
	if (pipe2(out, O_CLOEXEC) < 0)
		return error_set(err, -errno, "no pipe: %s", strerror(errno));
	if (pipe2(err_pipe, O_CLOEXEC) < 0) {
		result = error_set(err, -errno, "no pipe: %s", strerror(errno));
		goto close_out;
	}
	if (keep_output && !(child->output = calloc(1, CHILD_OUTPUT_MAX))) {
		result = error_set(err, -ENOMEM, "no memory for a process's output");
		goto close_both;
	}
	argv[0] = (char[]){"pagevisor"};
	child->pid = fork();
	if (child->pid == 0)
		become(argv, out, err_pipe, parent);
	if (child->pid < 0) {
		result = error_set(err, -errno, "no process: %s", strerror(errno));
		free(child->output);
		*child = (struct child){.out_fd = -1, .err_fd = -1};
		goto close_both;
	}
	close(out[1]);
	close(err_pipe[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err_pipe[0], F_SETFL, O_NONBLOCK);
	child->out_fd = out[0];
	child->err_fd = err_pipe[0];
	return 0;
close_both:
	close(err_pipe[0]);
	close(err_pipe[1]);
close_out:
	close(out[0]);
	close(out[1]);
	return result;
}

unsigned child_poll(const struct child *child, struct pollfd *fds)
{
	unsigned count = 0;

	if (child->pid && child->out_fd >= 0)
		fds[count++] = (struct pollfd){.fd = child->out_fd, .events = POLLIN};
	if (child->pid && child->err_fd >= 0)
		fds[count++] = (struct pollfd){.fd = child->err_fd, .events = POLLIN};
	return count;
}

static void take_bytes(struct child *child, enum child_stream stream, const char *bytes,
		       size_t count, child_line *line, void *context)
{
	char *text = child->lines[stream];
	size_t *length = &child->line_lengths[stream];

	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != '\n') {
			if (*length < CHILD_LINE_MAX - 1)
				text[(*length)++] = bytes[i];
			continue;
		}
		text[*length] = '\0';
		*length = 0;
		line(context, child, stream, text);
	}
}

static void keep_bytes(struct child *child, const char *bytes, size_t count)
{
	size_t room = CHILD_OUTPUT_MAX - 1 - child->length;

	if (count > room)
		count = room;
	memcpy(child->output + child->length, bytes, count);
	child->length += count;
	child->output[child->length] = '\0';
}

static void read_stream(struct child *child, enum child_stream stream, child_line *line,
			void *context)
{
	int *fd = stream == CHILD_OUT ? &child->out_fd : &child->err_fd;
	char bytes[4096];

	while (*fd >= 0) {
		ssize_t count = read(*fd, bytes, sizeof(bytes));

		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (count <= 0) {
			close(*fd);
			*fd = -1;
		} else if (stream == CHILD_OUT && child->output) {
			keep_bytes(child, bytes, (size_t)count);
		} else {
			take_bytes(child, stream, bytes, (size_t)count, line, context);
		}
	}
}

void child_read(struct child *child, child_line *line, void *context)
{
	if (!child->pid)
		return;
	read_stream(child, CHILD_OUT, line, context);
	read_stream(child, CHILD_ERR, line, context);
	if (!child->ended && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->ended = true;
}

void child_signal(const struct child *child, int signal)
{
	if (child->pid && !child->ended)
		kill(child->pid, signal);
}

void child_close(struct child *child)
{
	if (!child->pid)
		return;
	child_signal(child, SIGKILL);
	while (!child->ended && waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
		;
	fd_close(child->out_fd);
	fd_close(child->err_fd);
	free(child->output);
	*child = (struct child){.out_fd = -1, .err_fd = -1};
}

int child_exit_status(const struct child *child)
{
	return WIFSIGNALED(child->status) ? STATUS_SIGNAL + WTERMSIG(child->status)
					  : WEXITSTATUS(child->status);
}
