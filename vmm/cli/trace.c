/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor trace`: recent operations on a guest's frames, with their callers. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "kind/kind.h"
#include "view/frame_text.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "view/trace_text.h"

#define LIMIT_DEFAULT 20

enum option_key {
	KEY_FRAME = 'f',
	KEY_LIMIT = 'n',
};

struct trace_options {
	struct session_options common;
	uint64_t pfn;
	uint64_t limit;
};

static const struct argp_option options_table[] = {
	{"frame", KEY_FRAME, "FRAME", 0, "only events of this frame: 0x... or pfn:N", 0},
	{"limit", KEY_LIMIT, "N", 0, "the newest N events, 1 to 1024 (20)", 0},
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct trace_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		return 0;
	case KEY_FRAME:
		if (!frame_parse(text, &options->pfn))
			argp_error(state, "--frame %s: expected a physical address 0x... or pfn:N",
				   text);
		return 0;
	case KEY_LIMIT:
		if (!number_parse(text, 1, HISTORY_EVENTS_MAX, &options->limit))
			argp_error(state, "--limit %s: expected a number from 1 to %d", text,
				   HISTORY_EVENTS_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.doc = "Lists recent operations on the frames of a guest, without pausing the guest: "
	       "how long before the newest event, CPU, frame, operation, result, and the "
	       "calling function.\vThe guest traces when it was started with run --trace, or "
	       "has trace=ENTRIES on its command line.",
	.children = session_children,
};

static void print(const struct session *session, const struct trace_options *options,
		  const struct frame_history *history, const struct symbols *symbols)
{
	if (options->common.json) {
		struct json_object *root = json_object_new_object();

		json_add_text(root, "vm", session->source.name);
		json_object_object_add(root, "events",
				       trace_history_json(history, session->guest, symbols, true));
		json_print(root);
	} else {
		trace_history_print(history, session->guest, symbols, "history", true);
	}
}

static int refuse(const struct session *session, int result)
{
	struct error err;

	if (result != -ENODATA)
		return session_refuse(error_set(&err, result, "the trace cannot be read"), &err);
	fprintf(stderr, "pagevisor: %s does not trace; start it with run --trace\n",
		session->source.name);
	return STATUS_REFUSED;
}

static int read_and_print(const struct session *session, const struct trace_options *options)
{
	struct frame_history history = {.pfn = options->pfn};
	struct history_counts counts = {0};
	struct symbols symbols;
	int result =
		guest_history(session->guest, NULL, &history, 1, (unsigned)options->limit, &counts);

	if (result == 0) {
		if (guest_symbols(session->guest, &symbols) < 0)
			fprintf(stderr, "pagevisor: the guest's table of functions is broken\n");
		trace_counts_tell(&counts);
		print(session, options, &history, &symbols);
		symbols_free(&symbols);
	}
	history_free(&history);
	return result == 0 ? STATUS_OK : refuse(session, result);
}

/* A guest whose kind keeps no trace need not come any further for that to be known. */
static int look(struct session *session)
{
	int status = session_look(session, GUEST_BOOTS);

	if (status != STATUS_OK)
		return status;
	if (session->guest->kind->history)
		return session_look(session, GUEST_RUNS);
	fprintf(stderr, "pagevisor: guests of the kind %s keep no trace\n",
		session->guest->kind->name);
	return STATUS_REFUSED;
}

int command_trace(int argc, char **argv)
{
	struct trace_options options = {.pfn = HISTORY_ALL_FRAMES, .limit = LIMIT_DEFAULT};
	struct session session = {0};
	struct error err;

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	session.options = options.common;

	int status = session_open(&session);

	if (status == STATUS_OK)
		status = look(&session);
	if (status == STATUS_OK && options.pfn != HISTORY_ALL_FRAMES &&
	    frame_exists(session.guest, options.pfn, &err) < 0)
		status = session_refuse(-EINVAL, &err);
	if (status == STATUS_OK)
		status = read_and_print(&session, &options);
	session_close(&session);
	return session_flush(status);
}
