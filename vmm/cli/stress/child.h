/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Processes that a stress run starts: the command itself again, as VM, inspector, check or hog. Their output comes back
 * by lines. One thread uses all of this; nothing blocks.
 */
#ifndef VMM_STRESS_CHILD_H
#define VMM_STRESS_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define CHILD_LINE_MAX   1024      /* what is longer is cut */
#define CHILD_OUTPUT_MAX (1 << 20) /* of standard output that is kept whole */

struct child {
	pid_t pid;  /* 0: none */
	bool ended; /* with `status`, as waitpid has it */
	int status;
	int out_fd, err_fd;
	char *output; /* standard output, NUL-terminated, where it is kept */
	size_t length;
	char lines[2][CHILD_LINE_MAX]; /* begun on standard output and standard error */
	size_t line_lengths[2];
};

enum child_stream { CHILD_OUT, CHILD_ERR };

typedef void child_line(void *context, struct child *child, enum child_stream stream,
			const char *line);

/*
 * Starts this program with arguments, NULL at the end; argv[0] is left free for its name. It is killed when this process
 * dies. With keep_output its standard output is gathered in `output`, else it comes by lines. Returns 0 or a negative
 * errno; *child is then none.
 */
int child_start(struct child *child, char **argv, bool keep_output, struct error *err);

/* Adds the descriptors to wait for; returns how many, at most 2. */
unsigned child_poll(const struct child *child, struct pollfd *fds);

/* Takes what there is to read, gives whole lines to the function, and notices the end. */
void child_read(struct child *child, child_line *line, void *context);

/* Whether it runs, or has said things that were not read yet. */
static inline bool child_is_alive(const struct child *child)
{
	return child->pid != 0 && (!child->ended || child->out_fd >= 0 || child->err_fd >= 0);
}

/* Sends a signal if it runs. */
void child_signal(const struct child *child, int signal);

/* Kills it if it runs, waits for it, and frees what it holds. */
void child_close(struct child *child);

/* Its exit status as a shell has it: 128 + n for a signal. */
int child_exit_status(const struct child *child);

#endif
