/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What all commands that look at a guest share: the options that name it, opening it, its view, and exit
 * statuses. Such a command is, in short,
 *
 *     inspect_parse(&inspect.options, "What it does.", argc, argv);
 *     status = inspect_open(&inspect);
 *     if (status == STATUS_OK)
 *             status = inspect_look(&inspect, STAGE_METADATA);
 *     if (status == STATUS_OK)
 *             ... inspect.source.memory, inspect.view ...
 *     inspect_close(&inspect);
 *     return inspect_flush(status);
 *
 * One with options of its own has a struct argp with inspect_children as its children; on ARGP_KEY_INIT its parser
 * sets state->child_inputs[0] to a struct inspect_options. A positional argument that its parser does not take
 * (ARGP_ERR_UNKNOWN) is the VM.
 */
#ifndef VMM_INSPECT_H
#define VMM_INSPECT_H

#include <argp.h>
#include <stdbool.h>

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"
#include "source/source.h"

/* What --help says about VM; "..." INSPECT_VM_HELP "..." */
#define INSPECT_VM_HELP                                                                            \
	"VM is the NAME or pid:N of one that runs, qemu:PID or qemu:/PATH (of its QMP socket) of " \
	"another's QEMU that runs our guest, or the path of a capture; it may be left out when "   \
	"only one of ours runs."

struct inspect_options {
	const char *vm; /* NULL: the only one that runs */
	bool json;
};

/* [VM] and --json; its input is a struct inspect_options. Ends with an entry of zeroes, as argp wants it. */
extern const struct argp_child inspect_children[];

struct inspect {
	struct inspect_options options;
	bool is_open;
	struct source source;
	struct guest_view view; /* as of the last inspect_look */
};

/* Parses [VM] and --json alone; prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
void inspect_parse(struct inspect_options *options, const char *doc, int argc, char **argv);

/*
 * Registers the thread with liburcu and opens the source that the options name. Returns STATUS_OK, or another status
 * after one line on standard error. Either way inspect_close is called at the end, on the same thread.
 */
int inspect_open(struct inspect *inspect);
void inspect_close(struct inspect *inspect);

/*
 * Reads the guest's view, and waits a moment for a guest that has not got to `stage` yet (but not for one that has
 * panicked). Returns STATUS_OK or, after one line on standard error, STATUS_GUEST.
 */
int inspect_look(struct inspect *inspect, enum boot_stage stage);

/*
 * Opens a source that looking begins with: as source_open, and prints what people should know about it on standard
 * error. A mapped file that becomes shorter meanwhile ends the command with a line instead of a signal.
 */
int inspect_source(const char *name, struct source *source, struct error *err);

/* Says in one line that reading failed in the middle, or that the VM has ended. Returns the exit status. */
int inspect_lost(const struct source *source, const char *what);

/* Says an error in one line. Returns the exit status for that error number (negative). */
int inspect_refuse(int result, const struct error *err);

/* Ends the output: `status`, or STATUS_REFUSED after one line when some of it could not be written to who still reads it. */
int inspect_flush(int status);

#endif
