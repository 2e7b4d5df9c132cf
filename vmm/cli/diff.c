/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor diff`: what became of the frames between two captures, or a capture and a VM. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "inspect/diff.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "memory/rcu.h"
#include "source/source_snapshot.h"

#define LIST_DEFAULT 20
#define LIST_MAX     1000000

enum option_key {
	KEY_JSON = 0x400, /* no letter */
	KEY_LIST,
};

struct options {
	const char *names[2];
	unsigned count;
	bool json;
	uint64_t list;
};

static const struct argp_option options_table[] = {
	{"json", KEY_JSON, NULL, 0, "as one JSON object", 0},
	{"list", KEY_LIST, "N", 0, "list the first N frames that changed (default 20)", 0},
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_JSON:
		options->json = true;
		break;
	case KEY_LIST:
		if (!number_parse(text, 0, LIST_MAX, &options->list))
			argp_error(state, "--list %s: a number from 0 to %d", text, LIST_MAX);
		break;
	case ARGP_KEY_ARG:
		if (options->count == 2)
			argp_error(state, "what is \"%s\"? two are compared", text);
		options->names[options->count++] = text;
		break;
	case ARGP_KEY_END:
		if (options->count != 2)
			argp_error(state, "two are compared: A and B");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "A B",
	.doc = "Says what became of the frames from A to B: which came into use, which went, whose "
	       "type, references or owner changed.\vA and B are capture files, or the NAME or pid:N "
	       "of a VM, or qemu:/PATH of a QEMU's QMP socket; a VM is paused for a moment.",
};

/* What A or B is: a source at rest, or a snapshot of one that runs. */
struct side {
	struct session session;
	struct snapshot snapshot;
	bool is_open;
	bool has_snapshot;
	struct diff_input input;
};

/* Returns an exit status; what is not STATUS_OK was said. */
static int side_open(struct side *side, const char *name)
{
	const struct snapshot_options options = {0};
	struct source *source = &side->session.source;
	struct error err;
	int result = session_source(name, source, &err);

	if (result < 0)
		return session_refuse(result, &err);
	side->is_open = true;
	int status = session_look(&side->session, STAGE_METADATA);

	if (status != STATUS_OK)
		return status;
	side->input = (struct diff_input){&source->memory, source->info, name};
	if (!source->is_live)
		return STATUS_OK;
	result = source_snapshot(source, false, &options, &side->snapshot, &err);
	if (result < 0)
		return session_refuse(result, &err);
	side->has_snapshot = true;
	side->input.memory = &side->snapshot.memory;
	return STATUS_OK;
}

static void side_close(struct side *side)
{
	if (side->has_snapshot)
		snapshot_close(&side->snapshot);
	if (side->is_open)
		source_close(&side->session.source);
}

static const char *class_name(const struct frame_side *side)
{
	return side->class == FRAME_CLASS_NONE ? "none" : ref_class_name(side->class);
}

static const char *type_name(const struct diff *diff, const struct frame_side *side)
{
	return side->type < 0 ? "" : diff->types[side->type].name;
}

static void print_side(const struct diff *diff, const struct frame_side *side)
{
	bool has_type = side->type >= 0;

	/* A type with references is of a shared frame. */
	if (side->class != REF_CLASS_SHARED || !has_type)
		printf("%s%s", class_name(side), has_type ? " " : "");
	if (has_type)
		printf("%s", type_name(diff, side));
	if (side->class == REF_CLASS_SHARED)
		printf(" x%u", side->references);
	if (side->class != FRAME_CLASS_NONE)
		printf(" gen %u", side->generation);
}

static uint64_t changed_frames(const struct diff *diff)
{
	uint64_t sum = 0;

	for (unsigned i = FRAME_SAME + 1; i < FRAME_CHANGE_COUNT; i++)
		sum += diff->changes[i];
	return sum;
}

static void print_types(const struct diff *diff)
{
	printf("%-17s %7s %7s %8s %8s %8s %8s %9s\n", "type", "in A", "in B", "appeared",
	       "vanished", "retyped", "recycled", "recounted");
	for (unsigned i = 0; i < diff->type_count; i++) {
		const struct diff_type *type = &diff->types[i];

		if (!type->in_use_a && !type->in_use_b)
			continue;
		printf("%-17s %7" PRIu64 " %7" PRIu64, type->name, type->in_use_a, type->in_use_b);
		for (unsigned c = FRAME_APPEARED; c <= FRAME_RECOUNTED; c++)
			printf(" %*" PRIu64, c == FRAME_RECOUNTED ? 9 : 8, type->changes[c]);
		printf("\n");
	}
}

static void print_text(const struct diff *diff)
{
	printf("frames    %" PRIu64 " in A, %" PRIu64 " in B; %" PRIu64 " changed\n",
	       diff->frames_a, diff->frames_b, changed_frames(diff));
	for (unsigned i = FRAME_SAME + 1; i < FRAME_CHANGE_COUNT; i++)
		printf("          %-15s %11" PRIu64 "\n", frame_change_name(i), diff->changes[i]);
	printf("          %-15s %11" PRIu64 " -> %" PRIu64 "\n", "(references)", diff->references_a,
	       diff->references_b);
	print_types(diff);
	for (size_t i = 0; i < diff->listed; i++) {
		const struct diff_frame *frame = &diff->list[i];

		printf("frame %#-12" PRIx64 " %-10s ", frame->frame.addr,
		       frame_change_name(frame->change));
		print_side(diff, &frame->a);
		printf(" -> ");
		print_side(diff, &frame->b);
		printf("\n");
	}
	if (diff->listed < changed_frames(diff) && diff->listed > 0)
		printf("... and %" PRIu64 " more; --list N lists more of them\n",
		       changed_frames(diff) - diff->listed);
}

static struct json_object *changes_json(const uint64_t *changes)
{
	struct json_object *object = json_object_new_object();

	for (unsigned i = FRAME_SAME + 1; i < FRAME_CHANGE_COUNT; i++)
		json_add_number(object, frame_change_name(i), changes[i]);
	return object;
}

static struct json_object *side_json(const struct diff *diff, const struct frame_side *side)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "state", class_name(side));
	if (side->type >= 0)
		json_add_text(object, "type", type_name(diff, side));
	if (side->class != FRAME_CLASS_NONE) {
		json_add_number(object, "references",
				side->class == REF_CLASS_SHARED   ? side->references
				: side->class == REF_CLASS_UNIQUE ? 1
								  : 0);
		json_add_number(object, "generation", side->generation);
	}
	return object;
}

static void print_json(const struct diff *diff)
{
	struct json_object *root = json_object_new_object();
	struct json_object *types = json_object_new_object();
	struct json_object *list = json_object_new_array();

	json_add_number(root, "frames_a", diff->frames_a);
	json_add_number(root, "frames_b", diff->frames_b);
	json_add_number(root, "references_a", diff->references_a);
	json_add_number(root, "references_b", diff->references_b);
	json_add_number(root, "changed", changed_frames(diff));
	json_object_object_add(root, "changes", changes_json(diff->changes));
	for (unsigned i = 0; i < diff->type_count; i++) {
		struct json_object *type = changes_json(diff->types[i].changes);

		json_add_number(type, "in_use_a", diff->types[i].in_use_a);
		json_add_number(type, "in_use_b", diff->types[i].in_use_b);
		json_object_object_add(types, diff->types[i].name, type);
	}
	json_object_object_add(root, "types", types);
	for (size_t i = 0; i < diff->listed; i++) {
		struct json_object *frame = json_object_new_object();

		json_add_number(frame, "frame", diff->list[i].frame.addr);
		json_add_text(frame, "change", frame_change_name(diff->list[i].change));
		json_object_object_add(frame, "a", side_json(diff, &diff->list[i].a));
		json_object_object_add(frame, "b", side_json(diff, &diff->list[i].b));
		json_object_array_add(list, frame);
	}
	json_object_object_add(root, "list", list);
	json_print(root);
}

static int compare(const struct side sides[2], const struct options *options)
{
	struct error err;
	struct diff diff;
	int result = diff_make(&sides[0].input, &sides[1].input, options->list, &diff, &err);

	if (result < 0)
		return session_refuse(result, &err);
	if (options->json)
		print_json(&diff);
	else
		print_text(&diff);
	diff_free(&diff);
	return session_flush(STATUS_OK);
}

int command_diff(int argc, char **argv)
{
	struct options options = {.list = LIST_DEFAULT};
	struct side sides[2] = {0};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	urcu_memb_register_thread();
	int status = side_open(&sides[0], options.names[0]);

	if (status == STATUS_OK)
		status = side_open(&sides[1], options.names[1]);
	if (status == STATUS_OK)
		status = compare(sides, &options);
	side_close(&sides[1]);
	side_close(&sides[0]);
	urcu_memb_unregister_thread();
	return status;
}
