/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What all commands that look at a guest share: the options that name it, opening it, finding the guest, and exit
 * statuses. Such a command is, in short,
 *
 *     session_parse(&session.options, "What it does.", argc, argv);
 *     status = session_open(&session);
 *     if (status == STATUS_OK)
 *             status = session_look(&session, GUEST_HAS_FRAMES);
 *     if (status == STATUS_OK)
 *             ... session.source, session.guest ...
 *     session_close(&session);
 *     return session_flush(status);
 *
 * One with options of its own has a struct argp with session_children as its children; on ARGP_KEY_INIT its parser
 * sets state->child_inputs[0] to a struct session_options. A positional argument that its parser does not take
 * (ARGP_ERR_UNKNOWN) is the VM.
 */
#ifndef VMM_SESSION_H
#define VMM_SESSION_H

#include <argp.h>
#include <stdbool.h>

#include "base/error.h"
#include "kind/guest.h"
#include "source/source.h"

/* What --help says about VM; "..." SESSION_VM_HELP "..." */
#define SESSION_VM_HELP                                                                            \
	"VM is the NAME or pid:N of one that runs, qemu:PID or qemu:/PATH (of its QMP socket) of " \
	"another's QEMU that runs our guest, or the path of a capture; it may be left out when "   \
	"only one of ours runs."

struct session_options {
	const char *vm; /* NULL: the only one that runs */
	bool json;
};

/* [VM] and --json; its input is a struct session_options. Ends with an entry of zeroes, as argp wants it. */
extern const struct argp_child session_children[];

struct session {
	struct session_options options;
	bool is_open;
	struct source source;
	struct guest *guest; /* as of the last session_look; NULL before */
};

/* Parses [VM] and --json alone; prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
void session_parse(struct session_options *options, const char *doc, int argc, char **argv);

/*
 * Registers the thread with liburcu and opens the source that the options name. Returns STATUS_OK, or another status
 * after one line on standard error. Either way session_close is called at the end, on the same thread.
 */
int session_open(struct session *session);
void session_close(struct session *session);

/*
 * Finds the source's guest, or refreshes it, and waits up to a second for one that boots to get as far as `progress`.
 * Returns STATUS_OK or, after one line on standard error, STATUS_GUEST.
 */
int session_look(struct session *session, enum guest_progress progress);

/*
 * Opens a source that looking begins with: as source_open, and prints what people should know about it on standard
 * error. A mapped file that becomes shorter meanwhile ends the command with a line instead of a signal.
 */
int session_source(const char *name, struct source *source, struct error *err);

/* Says in one line that reading failed in the middle, or that the VM has ended. Returns the exit status. */
int session_lost(const struct source *source, const char *what);

/* Says an error in one line. Returns the exit status for that error number (negative). */
int session_refuse(int result, const struct error *err);

/* Ends the output: `status`, or STATUS_REFUSED after one line when some of it could not be written to who still reads it. */
int session_flush(int status);

#endif
