/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor trace`: recent operations on a guest's frames, with their callers. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/options.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/frame_text.h"
#include "cli/session.h"
#include "cli/trace_follow.h"
#include "base/number_text.h"
#include "view/trace_text.h"

#define LIMIT_DEFAULT 20

enum option_key {
	KEY_FRAME = 'f',
	KEY_LIMIT = 'n',
	KEY_FOLLOW = 0x300, /* no letter */
};

struct trace_options {
	struct session_options common;
	bool has_frame;
	struct frame_name frame;
	uint64_t pfn; /* that, or HISTORY_ALL_FRAMES */
	uint64_t limit;
	bool is_following;
};

static const struct argp_option options_table[] = {
	{"frame", KEY_FRAME, "FRAME", 0, "only events of this frame, named as for pagevisor show",
	 0},
	{"follow", KEY_FOLLOW, NULL, 0, "go on with each operation as it comes, until the VM ends",
	 0},
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
		if (!frame_name_parse(text, &options->frame))
			argp_error(state, "--frame %s: expected " FRAME_EXPECTED, text);
		options->has_frame = true;
		return 0;
	case KEY_FOLLOW:
		options->is_following = true;
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
	.children = session_follow_children,
};

static void print(const struct session *session, const struct trace_options *options,
		  const struct frame_history *history, const struct symbols *symbols)
{
	if (options->common.json) {
		json *head = session_head(session);

		session_add_coverage(head, session, 0);
		answer_begin("trace", head);
		answer_list("events", "event");
		for (unsigned i = 0; i < history->count; i++)
			answer_item(trace_event_json(history, i, session->guest, symbols));
		answer_end(NULL, STATUS_OK);
	} else {
		session_print_coverage(session, 0, stdout);
		trace_history_print(history, session->guest, symbols);
	}
}

static int refuse(const struct session *session, int result)
{
	struct error err;

	if (result != -ENODATA)
		return session_refuse(error_set(&err, result, "the trace cannot be read"), &err);
	return output_refuse(STATUS_REFUSED, "%s does not trace; start it with run --trace",
			     session->source.name);
}

static int read_and_print(struct session *session, const struct trace_options *options)
{
	struct frame_history history = {.pfn = options->pfn};
	struct history_counts counts = {0};
	struct symbols symbols;
	int result =
		guest_history(session->guest, NULL, &history, 1, (unsigned)options->limit, &counts);
	bool has_symbols = guest_symbols(session->guest, &symbols) == 0;
	int status = session_still(session);

	if (status == STATUS_OK && result < 0)
		status = refuse(session, result);
	if (status == STATUS_OK && options->is_following) {
		status = trace_follow(session, options->pfn, (unsigned)options->limit);
	} else if (status == STATUS_OK) {
		if (!has_symbols)
			fprintf(stderr, "pagevisor: the guest's table of functions is broken\n");
		trace_counts_tell(&counts);
		print(session, options, &history, &symbols);
	}
	symbols_free(&symbols);
	history_free(&history);
	return status;
}

/* A guest whose kind keeps no trace need not come any further for that to be known. */
static int look(struct session *session)
{
	int status = session_look(session, GUEST_BOOTS);

	if (status != STATUS_OK)
		return status;
	if (session->guest->kind->history)
		return session_look(session, GUEST_RUNS);
	return output_refuse(STATUS_REFUSED, "guests of the kind %s keep no trace",
			     session->guest->kind->name);
}

static int find_frame(const struct session *session, struct trace_options *options)
{
	struct error err;
	int result = frame_name_find(&options->frame, session->guest,
				     session->source.has_all_memory, &options->pfn, &err);

	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

int command_trace(int argc, char **argv)
{
	struct trace_options options = {.pfn = HISTORY_ALL_FRAMES, .limit = LIMIT_DEFAULT};
	struct session session = {0};

	options_parse(&parser, argc, argv, &options);
	session.options = options.common;

	int status = session_open(&session);

	if (status == STATUS_OK)
		status = look(&session);
	if (status == STATUS_OK && options.has_frame)
		status = find_frame(&session, &options);
	if (status == STATUS_OK)
		status = read_and_print(&session, &options);
	session_close(&session);
	return session_flush(status);
}
