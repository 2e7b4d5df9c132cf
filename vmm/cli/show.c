/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor show FRAME`: what a guest keeps about one frame. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <pagevisor/address.h>

#include "base/json.h"
#include "base/number_text.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "view/answer.h"
#include "view/frame_json.h"
#include "view/frame_text.h"
#include "view/host_text.h"
#include "view/kind_json.h"
#include "cli/session.h"
#include "view/trace_text.h"
#include "kind/description.h"
#include "kind/frame_look.h"
#include "kind/fields/type_format.h"
#include "kind/kind.h"

#define NEIGHBOURS 2 /* on each side */

/* Looks at a frame and at the record of it, until they agree. */
#define RECORD_TRIES  3
#define HISTORY_TRIES 4

struct show_options {
	struct session_options common;
	bool has_frame;
	struct frame_name frame;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct show_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		return 0;
	case ARGP_KEY_ARG:
		if (options->has_frame)
			return ARGP_ERR_UNKNOWN;
		if (!frame_name_parse(text, &options->frame))
			argp_error(state, "not a frame: \"%s\"; expected " FRAME_EXPECTED, text);
		options->has_frame = true;
		return 0;
	case ARGP_KEY_END:
		if (!options->has_frame)
			argp_error(state, "no frame given; expected " FRAME_EXPECTED);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.parser = parse_option,
	.args_doc = "FRAME",
	.doc = "Shows what a running guest keeps about one page frame, as of one moment and "
	       "without pausing the guest: state, references, type, and each field of the "
	       "metadata by its name.\vFRAME is " FRAME_EXPECTED
	       " of the kernel, which its page table translates. " SESSION_VM_HELP
	       " \"mapped\" lists the entries of the kernel's page table that "
	       "point to the frame: the address that leads there, what the entry maps, the table and "
	       "index where it lies, its level, the rights that all entries on the way leave, and its "
	       "own flags. A last line names the fields that may change while the frame is shared; "
	       "all others are constant then. For a guest that traces (run --trace) it also lists recent "
	       "operations on the frame, with their callers. \"host\" says how long the host has had a "
	       "frame that it took (pagevisor mem), and how it comes back; \"history\" has what the host "
	       "did to the frame, with or without a trace.",
	.children = session_children,
};

/* The frame and its neighbours: looks[i] is of frame `first + i`. */
struct sight {
	const struct guest *guest;
	struct type_catalog *catalog;
	const struct frame_name *name; /* as the user called it */
	uint64_t pfn;
	uint64_t first;
	unsigned count;
	struct frame_look looks[2 * NEIGHBOURS + 1];
	struct description description;
	bool is_traced; /* the guest traces: the fields below are set */
	struct frame_history history;
	struct symbols symbols;
	bool is_captured;
	bool has_record; /* whoever manages the guest's memory has answered */
	struct management_record record;
};

static int look_around(struct sight *sight)
{
	uint64_t last = sight->pfn + NEIGHBOURS;

	sight->first = sight->pfn > NEIGHBOURS ? sight->pfn - NEIGHBOURS : 0;
	if (last >= sight->guest->frame_count)
		last = sight->guest->frame_count - 1;
	sight->count = (unsigned)(last - sight->first) + 1;
	for (unsigned i = 0; i < sight->count; i++) {
		int result = guest_look(sight->guest, sight->first + i, &sight->looks[i]);

		if (result < 0)
			return result;
	}
	return 0;
}

/* What was overwritten while it was read, because this process had to wait, is worth another try. */
static int read_history(struct sight *sight, struct history_counts *counts)
{
	int result = 0;

	for (unsigned tries = 0; result == 0 && tries < HISTORY_TRIES; tries++) {
		history_free(&sight->history);
		*counts = (struct history_counts){0};
		result = guest_history(sight->guest, NULL, &sight->history, 1, TRACE_HISTORY_SHOWN,
				       counts);
		if (counts->lost == 0 || sight->history.count == TRACE_HISTORY_SHOWN)
			break;
	}
	return result;
}

static void look_back(struct sight *sight)
{
	struct history_counts counts;

	sight->history.pfn = sight->pfn;
	if (read_history(sight, &counts) < 0)
		return;
	sight->is_traced = true;
	if (guest_symbols(sight->guest, &sight->symbols) < 0)
		fprintf(stderr, "pagevisor: the guest's table of functions is broken\n");
	trace_counts_tell(&counts);
}

/*
 * Asked after the frame was read. The host's slots and its own book are not written at one time, so a frame that is the
 * host's in one of them alone is looked at again before anybody is accused: for a moment both may be right.
 */
static void look_at_record(struct sight *sight, const struct source *source)
{
	struct frame_look *look = &sight->looks[sight->pfn - sight->first];
	struct error ignored;

	sight->is_captured = source->capture != NULL;
	for (unsigned tries = 0; tries < RECORD_TRIES; tries++) {
		sight->has_record = source->is_live && source_record(source, sight->pfn,
								     &sight->record, &ignored) == 0;
		if (!sight->has_record || sight->record.flags & MANAGEMENT_IS_HELD ||
		    guest_state(sight->guest, look->frame.state)->tone != TONE_HOST ||
		    guest_look(sight->guest, sight->pfn, look) < 0)
			return;
	}
}

static const struct management_record *the_record(const struct sight *sight)
{
	return sight->has_record ? &sight->record : NULL;
}

static struct host_frame host_frame_of(const struct sight *sight, const struct frame *frame)
{
	return (struct host_frame){sight->is_captured, the_record(sight), frame->generation};
}

static const struct frame_look *the_look(const struct sight *sight)
{
	return &sight->looks[sight->pfn - sight->first];
}

static const char *type_name(const struct sight *sight, const struct frame *frame)
{
	return frame->type == FRAME_TYPE_WILD ? "none of the guest's types"
					      : guest_type_name(sight->guest, frame->type);
}

static void print_neighbours(const struct sight *sight)
{
	const char *title = "around";

	for (unsigned i = 0; i < sight->count; i++) {
		const struct frame *frame = &sight->looks[i].frame;

		if (sight->first + i == sight->pfn)
			continue;
		printf("%-9s 0x%" PRIx64 " %s", title, (sight->first + i) * PAGE_SIZE,
		       guest_state_name(sight->guest, frame->state));
		if (guest_frame_is_in_use(sight->guest, frame))
			printf(" %s", type_name(sight, frame));
		printf("\n");
		title = "";
	}
}

static void print_state(const struct sight *sight, const struct frame *frame)
{
	const struct frame_state *state = guest_state(sight->guest, frame->state);

	printf("state     %s", state->name);
	if (frame_has_count(sight->guest, frame)) {
		if (state->is_broken)
			printf(", count %#x", frame->references);
		else
			printf(", %u reference%s", frame->references, plural(frame->references));
	}
	if (sight->guest->kind->has_generations && frame->state != FRAME_NEVER_WRITTEN)
		printf(", generation %u", frame->generation);
	printf("\n");
}

/* For a frame in use. */
static void print_metadata(const struct sight *sight, const struct frame_look *look)
{
	const struct kind *kind = sight->guest->kind;
	int type = look->frame.type;
	uint64_t word;

	printf("type      %s", type_name(sight, &look->frame));
	if (type == FRAME_TYPE_WILD && kind_type_word(kind, look->record, &word))
		printf(": %s pointer %#" PRIx64, kind->type_word, word);
	printf("\nmetadata\n");
	type_format_text(stdout, sight->catalog, type, look->record, "          ");
}

static bool has_events(const struct sight *sight)
{
	return sight->history.count > 0 || (sight->has_record && sight->record.count > 0);
}

/* Of a guest that traces, or of a frame that the host had. */
static void print_history(const struct sight *sight)
{
	if (has_events(sight))
		trace_frame_print(&sight->history, the_record(sight), sight->guest,
				  &sight->symbols);
	else if (sight->is_traced)
		printf("history   nothing left in the trace\n");
}

static void print_host(const struct sight *sight, const struct frame *frame)
{
	const struct host_frame seen = host_frame_of(sight, frame);

	if (host_has_frame(sight->guest, frame))
		host_frame_print(&seen);
}

static void print_text(const struct sight *sight)
{
	const struct frame_look *look = the_look(sight);

	printf("frame     0x%" PRIx64 ", pfn %" PRIu64, sight->pfn * PAGE_SIZE, sight->pfn);
	if (sight->name->is_virtual)
		printf(", by 0x%" PRIx64, sight->name->number);
	printf("\n");
	print_state(sight, &look->frame);
	print_host(sight, &look->frame);
	if (guest_frame_is_in_use(sight->guest, &look->frame))
		print_metadata(sight, look);
	if (sight->description.text)
		fputs(sight->description.text, stdout);
	print_neighbours(sight);
	print_history(sight);
}

/* What is known about a frame without its metadata. */
static json *look_json(const struct sight *sight, uint64_t pfn)
{
	return frame_json(sight->guest, pfn, &sight->looks[pfn - sight->first].frame);
}

static void print_json(const struct sight *sight, const struct session *session)
{
	const struct frame_look *look = the_look(sight);
	json *root = session_head(session), *around = json_object_new_array();

	session_add_coverage(root, session, 0);
	json_add_members(root, look_json(sight, sight->pfn));
	if (guest_frame_is_in_use(sight->guest, &look->frame))
		record_add_json(root, sight->guest, sight->catalog, look->frame.type, look->record);
	if (host_has_frame(sight->guest, &look->frame)) {
		const struct host_frame seen = host_frame_of(sight, &look->frame);

		json_add(root, "host", host_frame_json(&seen));
	}
	kind_add_members(root, sight->guest->kind, json_object_get(sight->description.members));
	for (unsigned i = 0; i < sight->count; i++)
		if (sight->first + i != sight->pfn)
			json_object_array_add(around, look_json(sight, sight->first + i));
	json_add(root, "around", around);
	if (sight->is_traced || has_events(sight))
		json_add(root, "history",
			 trace_frame_json(&sight->history, the_record(sight), sight->guest,
					  &sight->symbols));
	answer_print("show", root, STATUS_OK);
}

/* Returns an exit status. */
static int look_all_over(struct sight *sight, const struct source *source)
{
	const struct describe_options options = {.has_all_memory = source->has_all_memory};
	struct error err;

	sight->catalog = guest_type_catalog(sight->guest);
	if (!sight->catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	look_back(sight);
	if (look_around(sight) < 0)
		return session_lost(source, "the array went away");
	look_at_record(sight, source);
	if (guest_describe(sight->guest, the_look(sight), &options, &sight->description, &err) < 0)
		return session_refuse(-ENOMEM, &err);
	return STATUS_OK;
}

static int look_and_print(struct session *session, const struct frame_name *name)
{
	struct sight sight = {.name = name};
	int status = session_look(session, GUEST_HAS_FRAMES);
	struct error err;

	if (status != STATUS_OK)
		return status;
	sight.guest = session->guest;
	int result = frame_name_find(name, sight.guest, session->source.has_all_memory, &sight.pfn,
				     &err);

	if (result < 0)
		return session_refuse(result, &err);
	status = look_all_over(&sight, &session->source);
	if (status == STATUS_OK)
		status = session_still(session);
	if (status == STATUS_OK && session->options.json)
		print_json(&sight, session);
	if (status == STATUS_OK && !session->options.json) {
		session_print_coverage(session, 0, stdout);
		print_text(&sight);
	}
	history_free(&sight.history);
	symbols_free(&sight.symbols);
	description_free(&sight.description);
	type_catalog_free(sight.catalog);
	return status;
}

int command_show(int argc, char **argv)
{
	struct show_options options = {0};
	struct session session = {0};

	options_parse(&parser, argc, argv, &options);
	session.options = options.common;

	int status = session_open(&session);

	if (status == STATUS_OK)
		status = look_and_print(&session, &options.frame);
	session_close(&session);
	return session_flush(status);
}
