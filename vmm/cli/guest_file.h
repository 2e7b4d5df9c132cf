/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What commands that write a guest to a file share: where it may go, progress on a terminal, and signals that end the
 * writing in good order.
 */
#ifndef VMM_CLI_GUEST_FILE_H
#define VMM_CLI_GUEST_FILE_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "view/terminal.h"

/* Whether the text names a place for a file of a guest; else ends the program as argp does. `what`: "a capture". */
void guest_file_check_name(const char *text, const char *what, const struct argp_state *state);

/* Refuses a file that is there, in one line, unless it is to be replaced. Returns a status. */
int guest_file_refuse_existing(const char *file, bool replaces);

struct guest_file_progress {
	struct terminal terminal;
	const char *doing;
	uint64_t next_ns;
};

/* Before the first step that may take long. */
void guest_file_begin(struct guest_file_progress *progress, const char *doing);

/*
 * From now on signals end the writing of a file in good order: no part of it is left. Before that they end the command at
 * once, as they do with all that pause a guest: it waits for peers then, and whoever paused the guest resumes it.
 */
void guest_file_catch_signals(void);

/* The signal that came, or 0. */
int guest_file_signal(void);

/* Shows progress now and then; `context` is a struct guest_file_progress. Returns false once a signal has come. */
bool guest_file_show(void *context, uint64_t done, uint64_t total);

#endif
