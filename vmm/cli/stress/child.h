/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Processes that a stress run starts: this command again, as VM, inspector, check or hog. Their output arrives line by
 * line. For one thread; nothing blocks.
 */
#ifndef VMM_STRESS_CHILD_H
#define VMM_STRESS_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define CHILD_LINE_MAX   1024      /* longer lines are cut */
#define CHILD_OUTPUT_MAX (1 << 20) /* of standard output, when it is kept whole */

struct child {
	pid_t pid;  /* 0: none */
	bool ended; /* with `status`, as waitpid has it */
	int status;
	int out_fd, err_fd;
	char *output; /* standard output, NUL-terminated, when it is kept */
	size_t length;
	char lines[2][CHILD_LINE_MAX]; /* incomplete lines of standard output and standard error */
	size_t line_lengths[2];
};

enum child_stream { CHILD_OUT, CHILD_ERR };

typedef void child_line(void *context, struct child *child, enum child_stream stream,
			const char *line);

/*
 * Starts this program with arguments, NULL at the end; argv[0] is left free for its name. The child is killed when this
 * process dies. With keep_output its standard output is gathered in `output`, else it arrives line by line. Returns 0
 * or a negative errno; *child then has no process.
 */
int child_start(struct child *child, char **argv, bool keep_output, struct error *err);

/* Adds the descriptors to wait for; returns how many, at most 2. */
unsigned child_poll(const struct child *child, struct pollfd *fds);

/* Reads available output, passes whole lines to the function, and notices the end. */
void child_read(struct child *child, child_line *line, void *context);

/* Whether it runs, or has output that was not read yet. */
static inline bool child_is_alive(const struct child *child)
{
	return child->pid != 0 && (!child->ended || child->out_fd >= 0 || child->err_fd >= 0);
}

/* Sends a signal if it runs. */
void child_signal(const struct child *child, int signal);

/* Kills it if it runs, waits for it, and frees what it holds. */
void child_close(struct child *child);

/* Its exit status as in the shell: 128 + n for a signal. */
int child_exit_status(const struct child *child);

#endif
