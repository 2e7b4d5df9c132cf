/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What all commands that inspect a guest share: the options that name it, opening it, finding the guest, and exit
 * statuses. In short, such a command is
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
 * A command with options of its own has a struct argp with session_children as its children; on ARGP_KEY_INIT its
 * parser sets state->child_inputs[0] to a struct session_options. A positional argument that its parser does not take
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
	"VM is the NAME or pid:N of a running VM, qemu:PID or qemu:/PATH (of its QMP socket) of "  \
	"any QEMU that runs a pagevisor guest, libvirt:DOMAIN or libvirt:URI#DOMAIN of a "         \
	"libvirt domain that runs one, or the path of a capture; it may be omitted when only "     \
	"one pagevisor VM is running."

struct session_options {
	const char *vm; /* NULL: the only one that runs */
	bool json;
};

/* [VM] and --json; the input is a struct session_options. Ends with an entry of zeroes, as argp requires. */
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
 * after one line on standard error. In either case call session_close at the end, on the same thread.
 */
int session_open(struct session *session);
void session_close(struct session *session);

/*
 * Finds the source's guest, or refreshes it, and waits up to a second for a booting guest to reach `progress`. Returns
 * STATUS_OK or, after one line on standard error, STATUS_GUEST.
 */
int session_look(struct session *session, enum guest_progress progress);

/*
 * Opens a source to inspect: as source_open, and prints the source's notice on standard error. If a mapped file shrinks
 * meanwhile, the command ends with a line instead of a signal.
 */
int session_source(const char *name, struct source *source, struct error *err);

/* Reports in one line that reading failed half-way, or that the VM has ended. Returns the exit status. */
int session_lost(const struct source *source, const char *what);

/* Reports an error in one line. Returns the exit status for this error number (negative). */
int session_refuse(int result, const struct error *err);

/*
 * Ends the output. Returns `status`, or STATUS_REFUSED after one line if some output could not be written and its
 * reader is still there.
 */
int session_flush(int status);

#endif
