/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor show FRAME`: what a guest keeps about one frame. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <pagevisor/address.h>

#include "base/json.h"
#include "source/capture_source.h"
#include "file/format.h"
#include "cli/exit_status.h"
#include "view/frame_text.h"
#include "cli/session.h"
#include "cli/show_entries.h"
#include "view/trace_text.h"
#include "kind/pagevisor/frame_look.h"
#include "kind/pagevisor/guest_symbols.h"
#include "kind/pagevisor/types/type_format.h"

#define NEIGHBOURS 2 /* on each side */

struct show_options {
	struct session_options common;
	bool has_frame;
	uint64_t pfn;
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
		if (!frame_parse(text, &options->pfn))
			argp_error(state,
				   "no frame: \"%s\"; a physical address 0x... or pfn:N is needed",
				   text);
		options->has_frame = true;
		return 0;
	case ARGP_KEY_END:
		if (!options->has_frame)
			argp_error(state,
				   "which frame? a physical address 0x... or pfn:N is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.parser = parse_option,
	.args_doc = "FRAME",
	.doc = "Shows what a guest that runs keeps about one page frame, as of one moment and "
	       "without stopping the guest: state, references, type, and each field of the "
	       "metadata by its name.\vFRAME is a physical address in hexadecimal (0x...) or a "
	       "frame number (pfn:N). " SESSION_VM_HELP
	       " \"mapped\" lists the entries of the kernel's page table that "
	       "point at the frame: the address that leads there, what the entry maps, the table and "
	       "index where it lies, its level, the rights that all entries on the way leave, and its "
	       "own marks. Fields that may change while the frame is shared are named in a last line; "
	       "all others are constant then. Of a guest that traces (run --trace) it shows what was "
	       "done to the frame lately, by whom.",
	.children = session_children,
};

/* The frame and its neighbours: looks[i] is of frame `first + i`. */
struct sight {
	const struct guest_view *view;
	struct type_catalog *catalog;
	uint64_t pfn;
	uint64_t first;
	unsigned count;
	struct frame_look looks[2 * NEIGHBOURS + 1];
	bool has_entries; /* the page table is there, and was walked */
	struct frame_entries entries;
	bool is_traced; /* what follows is there */
	struct trace_history history;
	struct symbols symbols;
};

static int look_around(struct sight *sight, const struct guest_memory *memory)
{
	uint64_t last = sight->pfn + NEIGHBOURS;

	sight->first = sight->pfn > NEIGHBOURS ? sight->pfn - NEIGHBOURS : 0;
	if (last >= sight->view->slot_count)
		last = sight->view->slot_count - 1;
	sight->count = (unsigned)(last - sight->first) + 1;
	for (unsigned i = 0; i < sight->count; i++) {
		int result = frame_look(memory, sight->view, sight->first + i, &sight->looks[i]);

		if (result < 0)
			return result;
	}
	return 0;
}

static void look_back(struct sight *sight, const struct guest_memory *memory)
{
	struct trace_counts counts = {0};

	if (trace_history_read(memory, sight->view, sight->pfn, TRACE_HISTORY_SHOWN,
			       &sight->history, &counts) < 0)
		return;
	sight->is_traced = true;
	if (guest_symbols_read(sight->view, memory, &sight->symbols) < 0)
		fprintf(stderr, "pagevisor: the guest's table of functions is broken\n");
	trace_counts_tell(&counts);
}

static const struct frame_look *the_look(const struct sight *sight)
{
	return &sight->looks[sight->pfn - sight->first];
}

static const char *type_name(const struct sight *sight, const struct frame_look *look)
{
	return look->type < 0 ? "none of the guest's types" : sight->view->types[look->type].name;
}

static void print_neighbours(const struct sight *sight)
{
	const char *title = "around";

	for (unsigned i = 0; i < sight->count; i++) {
		const struct frame_look *look = &sight->looks[i];

		if (sight->first + i == sight->pfn)
			continue;
		printf("%-9s 0x%" PRIx64 " %s", title, (sight->first + i) * PAGE_SIZE,
		       frame_look_state(look));
		if (look->is_in_use)
			printf(" %s", type_name(sight, look));
		printf("\n");
		title = "";
	}
}

static void print_text(const struct sight *sight)
{
	const struct frame_look *look = the_look(sight);

	printf("frame     0x%" PRIx64 ", pfn %" PRIu64 "\n", sight->pfn * PAGE_SIZE, sight->pfn);
	printf("state     %s", frame_look_state(look));
	if (!look->is_hole) {
		if (look->class == REF_CLASS_SHARED)
			printf(", %u reference%s", look->references,
			       look->references == 1 ? "" : "s");
		else if (look->class == REF_CLASS_ILLEGAL)
			printf(", count %#x", look->references);
		printf(", generation %u", look->generation);
	}
	printf("\n");
	if (look->is_in_use) {
		printf("type      %s", type_name(sight, look));
		if (look->type < 0)
			printf(": vtable pointer %#" PRIx64, look->copy.vtable_ptr);
		printf("\nmetadata\n");
		type_format_text(stdout, sight->catalog, look->type, look->copy.storage,
				 "          ");
	}
	if (sight->has_entries)
		show_entries_text(&sight->entries, sight->pfn);
	print_neighbours(sight);
}

/* Of a guest that traces. */
static void print_history(const struct sight *sight)
{
	if (sight->is_traced && sight->history.count == 0)
		printf("history   nothing that is still in the trace\n");
	else if (sight->is_traced)
		trace_history_print(&sight->history, sight->view, &sight->symbols, "history",
				    false);
}

static void add_address(struct json_object *object, uint64_t pfn)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, pfn * PAGE_SIZE);
	json_add_text(object, "frame", text);
	json_add_number(object, "pfn", pfn);
}

/* What is known of a frame without its metadata. */
static struct json_object *look_json(const struct sight *sight, uint64_t pfn)
{
	const struct frame_look *look = &sight->looks[pfn - sight->first];
	struct json_object *object = json_object_new_object();

	add_address(object, pfn);
	json_add_text(object, "state", frame_look_state(look));
	if (look->is_hole)
		return object;
	if (look->class == REF_CLASS_SHARED || look->class == REF_CLASS_ILLEGAL)
		json_add_number(object, "references", look->references);
	json_add_number(object, "generation", look->generation);
	if (look->is_in_use && look->type >= 0)
		json_add_text(object, "type", type_name(sight, look));
	return object;
}

static void print_json(const struct sight *sight, const struct source *source)
{
	const struct frame_look *look = the_look(sight);
	struct json_object *root = look_json(sight, sight->pfn);
	struct json_object *around = json_object_new_array();

	json_add_text(root, "vm", source->name);
	if (look->is_in_use)
		json_object_object_add(
			root, "metadata",
			type_format_json(sight->catalog, look->type, look->copy.storage));
	if (sight->has_entries)
		show_entries_json(&sight->entries, sight->pfn, root);
	for (unsigned i = 0; i < sight->count; i++)
		if (sight->first + i != sight->pfn)
			json_object_array_add(around, look_json(sight, sight->first + i));
	json_object_object_add(root, "around", around);
	if (sight->is_traced)
		json_object_object_add(
			root, "history",
			trace_history_json(&sight->history, sight->view, &sight->symbols, false));
	json_print(root);
}

/* A capture of metadata alone has no page table. */
static bool has_page_table(const struct source *source, const struct guest_view *view)
{
	return view->page_table.addr != 0 &&
	       (source->is_live || capture_source_facts(source)->flags & CAPTURE_ALL_MEMORY);
}

static int look_and_print(struct session *session, uint64_t pfn)
{
	const struct source *source = &session->source;
	struct sight sight = {.view = &session->view, .pfn = pfn};
	int status = session_look(session, STAGE_METADATA);
	struct error err;

	if (status != STATUS_OK)
		return status;
	if (frame_exists(&session->view, pfn, &err) < 0)
		return session_refuse(-EINVAL, &err);
	sight.catalog = type_catalog_read(sight.view, &source->memory);
	if (!sight.catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	look_back(&sight, &source->memory);
	sight.has_entries = has_page_table(source, sight.view);
	if (sight.has_entries &&
	    frame_entries_find(&source->memory, sight.view, pfn, &sight.entries, &err) < 0) {
		status = session_refuse(-ENOMEM, &err);
	} else if (look_around(&sight, &source->memory) < 0) {
		status = session_lost(source, "the array went away");
	} else if (session->options.json) {
		print_json(&sight, source);
	} else {
		print_text(&sight);
		print_history(&sight);
	}
	trace_history_free(&sight.history);
	symbols_free(&sight.symbols);
	type_catalog_free(sight.catalog);
	return status;
}

int command_show(int argc, char **argv)
{
	struct show_options options = {0};
	struct session session = {0};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	session.options = options.common;

	int status = session_open(&session);

	if (status == STATUS_OK)
		status = look_and_print(&session, options.pfn);
	session_close(&session);
	return session_flush(status);
}
