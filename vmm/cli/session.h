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
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/confine.h"
#include "cli/fleet/vm_choice.h"
#include "inspect/life_watch.h"
#include "kind/guest.h"
#include "source/source.h"

/* What --help says about VM; "..." SESSION_VM_HELP "..." */
#define SESSION_VM_HELP                                                                            \
	"VM is the NAME of a VM that ps lists, or vm:NAME or pid:N of one that run has started, "  \
	"qemu:PID or qemu:/PATH (of its QMP socket) of any QEMU that runs a pagevisor guest or "   \
	"Linux, libvirt:DOMAIN or libvirt:URI#DOMAIN of a libvirt domain that runs one, "          \
	"file:PATH of RAM in a file, or the path of a capture; it may be omitted when ps lists "   \
	"only one."

/* For the option table of a command whose parser calls session_parse_budget. */
#define SESSION_KEY_MEMORY_BUDGET 0x2ff
#define SESSION_BUDGET_OPTION                                                                                     \
	{                                                                                                         \
		"memory-budget", SESSION_KEY_MEMORY_BUDGET, "SIZE", 0,                                            \
			"memory that one file or one VM may take in this process, in MiB or with a suffix, such " \
			"as 512M (a quarter of what is available)",                                               \
			0                                                                                         \
	}

struct session_options {
	struct confinement confinement; /* the command sets it before session_open */
	const char *vm; /* NULL: the only one; from session_open on for source_open */
	bool json;
};

/*
 * [VM], --json and --memory-budget, and --jsonl for a command that lists, or that can --follow; the input is a struct session_options. They end
 * with an entry of zeroes, as argp requires.
 */
extern const struct argp_child session_children[];
extern const struct argp_child session_list_children[];
extern const struct argp_child session_follow_children[];

/* As session_children, for a command whose arguments begin with the VM: its own text says so. */
extern const struct argp_child session_first_children[];

struct session {
	struct session_options options;
	struct vm_choice choice;
	bool is_open;
	struct source source;
	struct guest *guest; /* as of the last session_look; NULL before */
	struct life_watch life;
};

/* Parses [VM], --json, --jsonl and --memory-budget alone; prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
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
 * Whether all that was read since session_look counts: session_sound, and it belongs to one life of the guest
 * (life_watch.h). Returns STATUS_OK or, after one line on standard error, another status. To be asked before a result
 * is printed.
 */
int session_still(struct session *session);

/* Opens a source to inspect: as source_open, and prints the source's notice on standard error. */
int session_source(const char *name, struct source *source, struct error *err);

/*
 * Whether all that was read of a source counts. Returns STATUS_OK or, after one line on standard error,
 * STATUS_REFUSED: a capture turned out to be damaged. To be asked after reading, and before a result is printed.
 */
int session_sound(const struct source *source);

/* Sets the budget of sources that are opened from now on. Ends the program as argp does if the text is no size. */
void session_parse_budget(const char *text, const struct argp_state *state);

/* What the source is called in what people read: a VM by its name, and a capture by its file. */
const char *session_called(const struct session *session);

/*
 * What of the guest's memory is covered, after session_look; see coverage_of. session_print_coverage prints the line that
 * comes first in an answer over less than all memory; session_add_coverage adds it to an answer in JSON.
 */
void session_print_coverage(const struct session *session, uint64_t unstable, FILE *out);
void session_add_coverage(json *root, const struct session *session, uint64_t unstable);

/* The members that an answer begins with: the VM's name. */
json *session_head(const struct session *session);

/* Reports in one line that reading failed half-way, or that the VM has ended or is cut off. Returns the exit status. */
int session_lost(const struct source *source, const char *what);

/* Reports an error in one line. Returns the exit status for this error number (negative). */
int session_refuse(int result, const struct error *err);

/*
 * Ends the output. Returns `status`; STATUS_REFUSED instead of a verdict over a source that is not sound; or
 * STATUS_REFUSED after one line if some output could not be written and its reader is still there.
 */
int session_flush(int status);

#endif
