/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What people see while the VM runs, on standard error: lines that stay and, on a terminal, one status line below them
 * that is redrawn. Standard output is left to the report.
 */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <pthread.h>
#include <stdbool.h>

struct terminal {
	pthread_mutex_t lock; /* vCPU threads, watcher and main thread all print */
	bool is_tty;
	bool has_status;
	bool is_quiet; /* only lines that report a problem */
	bool is_stuck; /* the last line was not taken */
};

void terminal_init(struct terminal *terminal, bool is_quiet);

/* A line that stays. */
void terminal_line(struct terminal *terminal, const char *prefix, const char *text);

/* A line that stays even when quiet. */
void terminal_problem(struct terminal *terminal, const char *text);

/* Redraws the status line. Prints an ordinary line if standard error is not a terminal. */
void terminal_status(struct terminal *terminal, const char *text);

/* Removes the status line, before the report. */
void terminal_finish(struct terminal *terminal);

#endif
