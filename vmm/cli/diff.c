/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor diff`: how frames changed between two captures, or a capture and a VM. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/options.h"
#include "inspect/diff.h"
#include "cli/confine.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/diff_by.h"
#include "cli/breakdown_look.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_snapshot.h"
#include "view/coverage.h"
#include "view/origin_text.h"
#include "view/frame_json.h"

#define LIST_DEFAULT 20
#define LIST_MAX     1000000
#define TYPE_WIDTH   17 /* at least */

enum option_key {
	KEY_LIST = 0x400, /* no letter */
	KEY_BY,
	KEY_LIMIT,
};

struct options {
	const char *names[2];
	unsigned count;
	bool json;
	uint64_t list;
	bool is_by;
	struct diff_by_options by;
};

static const struct argp_option options_table[] = {
	ANSWER_JSON_OPTION,
	ANSWER_LINES_OPTION,
	{"by", KEY_BY, BREAKDOWN_LIST, 0,
	 "what grew, the largest growth first; all but class for Linux guests", 0},
	{"limit", KEY_LIMIT, "N", 0, "with --by: list N of them, and the sum of the others (20)",
	 0},
	{"list", KEY_LIST, "N", 0, "list the first N frames that changed (default 20)", 0},
	SESSION_BUDGET_OPTION,
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		options->json = true;
		break;
	case KEY_LIST:
		if (!number_parse(text, 0, LIST_MAX, &options->list))
			argp_error(state, "--list %s: expected a number from 0 to %d", text,
				   LIST_MAX);
		break;
	case KEY_BY:
		options->is_by = true;
		if (!breakdown_by_parse(text, &options->by.by))
			argp_error(state, "--by %s: expected " BREAKDOWN_WORDS, text);
		break;
	case KEY_LIMIT:
		if (!number_parse(text, 1, UINT32_MAX, &options->by.limit))
			argp_error(state, "--limit %s: expected a number of at least 1", text);
		break;
	case SESSION_KEY_MEMORY_BUDGET:
		session_parse_budget(text, state);
		break;
	case ARGP_KEY_ARG:
		if (options->count == 2)
			argp_error(state, "unexpected argument \"%s\": diff compares two", text);
		options->names[options->count++] = text;
		break;
	case ARGP_KEY_END:
		if (options->count != 2)
			argp_error(state, "expected two to compare: A and B");
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
	.doc = "Shows how frames changed from A to B: which came into use, which left it, and whose "
	       "type, references or owner changed; or with --by what grew.\vA and B are capture files, or "
	       "the NAME or pid:N of a VM, or qemu:/PATH of a QEMU's QMP socket; without --by a VM is "
	       "paused for a moment.",
};

/* A or B: a source at rest, or a snapshot of a running one. */
struct side {
	struct session session;
	struct snapshot snapshot;
	bool is_open;
	bool has_snapshot;
	struct guest *copy;        /* the guest in the snapshot */
	const struct guest *guest; /* what is compared */
};

/* These return an exit status. Anything but STATUS_OK has been reported. */
static int side_open(struct side *side, const char *name)
{
	struct error err;
	int result = session_source(name, &side->session.source, &err);

	side->session.options.vm = name;
	side->is_open = result == 0;
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

static int side_rest(struct side *side)
{
	const struct snapshot_options options = {0};
	struct source *source = &side->session.source;
	struct error err;
	int result, status = session_look(&side->session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;
	side->guest = side->session.guest;
	if (!source->is_live)
		return STATUS_OK;
	result = source_snapshot(source, SNAPSHOT_METADATA, &options, &side->snapshot, &err);
	if (result < 0)
		return session_refuse(result, &err);
	side->has_snapshot = true;
	result = guest_find(&side->snapshot.memory, &source->hints, &side->copy, &err);
	side->guest = side->copy;
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

static void side_close(struct side *side)
{
	guest_free(side->copy);
	guest_free(side->session.guest);
	if (side->has_snapshot)
		snapshot_close(&side->snapshot);
	if (side->is_open)
		source_close(&side->session.source);
}

/* A frame that one side lacks, or never wrote, has no state there. */
static const char *state_name(const struct guest *guest, const struct frame *frame)
{
	return frame->state == FRAME_NEVER_WRITTEN ? "none" : guest_state_name(guest, frame->state);
}

static const char *type_name(const struct diff *diff, const struct frame *frame)
{
	return frame->type < 0 ? "" : diff->types[frame->type].name;
}

static bool has_count(const struct guest *guest, const struct frame *frame)
{
	const struct frame_state *state = guest_state(guest, frame->state);

	return state->is_in_use && state->has_count;
}

static void print_side(const struct diff *diff, const struct guest *guest,
		       const struct frame *frame)
{
	bool has_type = frame->type >= 0, counts = has_count(guest, frame);

	/* A type with a reference count means a shared frame. */
	if (!counts || !has_type)
		printf("%s%s", state_name(guest, frame), has_type ? " " : "");
	if (has_type)
		printf("%s", type_name(diff, frame));
	if (counts)
		printf(" x%u", frame->references);
	if (guest->kind->has_generations && frame->state != FRAME_NEVER_WRITTEN)
		printf(" gen %u", frame->generation);
}

static uint64_t changed_frames(const struct diff *diff)
{
	uint64_t sum = 0;

	for (unsigned i = FRAME_SAME + 1; i < FRAME_CHANGE_COUNT; i++)
		sum += diff->changes[i];
	return sum;
}

/* A column for each change that a type in use can have; the widest one is "recounted". */
static int column_width(enum frame_change change)
{
	return change == FRAME_RECOUNTED ? 9 : 8;
}

static int type_width(const struct diff *diff)
{
	size_t width = TYPE_WIDTH;

	for (unsigned i = 0; i < diff->type_count; i++)
		if (strlen(diff->types[i].name) > width)
			width = strlen(diff->types[i].name);
	return (int)width;
}

static void print_types(const struct diff *diff, const struct kind *kind)
{
	const int width = type_width(diff);

	printf("%-*s %7s %7s", width, "type", "in A", "in B");
	for (unsigned c = FRAME_APPEARED; c <= FRAME_RECOUNTED; c++)
		if (frame_change_applies(kind, c))
			printf(" %*s", column_width(c), frame_change_name(c));
	printf("\n");
	for (unsigned i = 0; i < diff->type_count; i++) {
		const struct diff_type *type = &diff->types[i];

		if (!type->in_use_a && !type->in_use_b)
			continue;
		printf("%-*s %7" PRIu64 " %7" PRIu64, width, type->name, type->in_use_a,
		       type->in_use_b);
		for (unsigned c = FRAME_APPEARED; c <= FRAME_RECOUNTED; c++)
			if (frame_change_applies(kind, c))
				printf(" %*" PRIu64, column_width(c), type->changes[c]);
		printf("\n");
	}
}

static struct coverage coverage_of_side(const struct side *side)
{
	return coverage_of(&side->session.source, side->guest, 0);
}

static void print_text(const struct diff *diff, const struct side sides[2])
{
	const struct guest *guest = sides[0].guest;
	struct coverage a = coverage_of_side(&sides[0]), b = coverage_of_side(&sides[1]);

	coverage_print(&a, "A", stdout);
	coverage_print(&b, "B", stdout);
	origin_print_side("A", &sides[0].session.source, stdout);
	origin_print_side("B", &sides[1].session.source, stdout);
	printf("frames    %" PRIu64 " in A, %" PRIu64 " in B; %" PRIu64 " changed\n",
	       diff->frames_a, diff->frames_b, changed_frames(diff));
	for (unsigned i = FRAME_SAME + 1; i < FRAME_CHANGE_COUNT; i++)
		if (frame_change_applies(guest->kind, i))
			printf("          %-15s %11" PRIu64 "\n", frame_change_name(i),
			       diff->changes[i]);
	if (guest->kind->has_references)
		printf("          %-15s %11" PRIu64 " -> %" PRIu64 "\n", "(references)",
		       diff->references_a, diff->references_b);
	print_types(diff, guest->kind);
	for (size_t i = 0; i < diff->listed; i++) {
		const struct diff_frame *frame = &diff->list[i];

		printf("frame %#-12" PRIx64 " %-10s ", frame->frame.addr,
		       frame_change_name(frame->change));
		print_side(diff, guest, &frame->a);
		printf(" -> ");
		print_side(diff, guest, &frame->b);
		printf("\n");
	}
	if (diff->listed < changed_frames(diff) && diff->listed > 0)
		printf("... and %" PRIu64 " more; --list N lists more of them\n",
		       changed_frames(diff) - diff->listed);
}

static json *changes_json(const uint64_t *changes, const struct kind *kind)
{
	json *object = json_object_new_object();

	for (unsigned i = FRAME_SAME + 1; i < FRAME_CHANGE_COUNT; i++)
		if (frame_change_applies(kind, i))
			json_add_number(object, frame_change_name(i), changes[i]);
	return object;
}

/* The types of both are those of the diff. */
static json *frame_side_json(const struct diff *diff, const struct guest *guest,
			     const struct frame *frame)
{
	struct frame untyped = *frame;
	json *object = json_object_new_object();

	if (frame->type >= 0) {
		json_add_text(object, "type", type_name(diff, frame));
		untyped.type = FRAME_TYPE_NONE;
	}
	frame_add_json(object, guest, &untyped);
	return object;
}

static json *change_json(const struct diff *diff, const struct guest *guest,
			 const struct diff_frame *changed)
{
	json *object = json_object_new_object();

	json_add_frame(object, changed->frame.addr / PAGE_SIZE);
	json_add_text(object, "change", frame_change_name(changed->change));
	json_add(object, "a", frame_side_json(diff, guest, &changed->a));
	json_add(object, "b", frame_side_json(diff, guest, &changed->b));
	return object;
}

static json *types_json(const struct diff *diff, const struct kind *kind)
{
	json *types = json_object_new_array();

	for (unsigned i = 0; i < diff->type_count; i++) {
		json *type = json_object_new_object();

		json_add_text(type, "type", diff->types[i].name);
		json_add_number(type, "in_use_frames_a", diff->types[i].in_use_a);
		json_add_number(type, "in_use_frames_b", diff->types[i].in_use_b);
		json_add(type, "frames_by_change", changes_json(diff->types[i].changes, kind));
		json_object_array_add(types, type);
	}
	return types;
}

static json *side_json(const struct side *side, uint64_t frames, uint64_t references)
{
	struct coverage coverage = coverage_of_side(side);
	json *object = session_head(&side->session);

	json_add_number(object, "total_frames", frames);
	if (side->guest->kind->has_references)
		json_add_number(object, "references", references);
	json_add(object, "coverage", coverage_json(&coverage));
	return object;
}

static void print_json(const struct diff *diff, const struct side sides[2])
{
	const struct guest *guest = sides[0].guest;
	json *head = json_object_new_object();

	json_add(head, "a", side_json(&sides[0], diff->frames_a, diff->references_a));
	json_add(head, "b", side_json(&sides[1], diff->frames_b, diff->references_b));
	json_add_flag(head, "same_boot", guest->boot_id == sides[1].guest->boot_id);
	json_add_number(head, "changed_frames", changed_frames(diff));
	json_add(head, "frames_by_change", changes_json(diff->changes, guest->kind));
	json_add(head, "changed_types", types_json(diff, guest->kind));
	answer_begin("diff", head);
	answer_list("changes", "change");
	for (size_t i = 0; i < diff->listed; i++)
		answer_item(change_json(diff, guest, &diff->list[i]));
	answer_end(NULL, STATUS_OK);
}

/* Whether all that was read of both counts. Returns an exit status, and has reported what is wrong. */
static int sides_sound(const struct side sides[2])
{
	int status = session_sound(&sides[0].session.source);

	return status == STATUS_OK ? session_sound(&sides[1].session.source) : status;
}

static int compare(const struct side sides[2], const struct options *options)
{
	struct error err;
	struct diff diff;
	int result = diff_make(sides[0].guest, sides[1].guest, options->list, &diff, &err);

	int status = sides_sound(sides);

	if (result < 0)
		return status == STATUS_OK ? session_refuse(result, &err) : status;
	if (status != STATUS_OK) {
		diff_free(&diff);
		return status;
	}
	if (options->json)
		print_json(&diff, sides);
	else
		print_text(&diff, sides);
	if (!options->json && sides[0].guest->boot_id != sides[1].guest->boot_id)
		fprintf(stderr, DIFF_TWO_BOOTS);
	diff_free(&diff);
	return session_flush(STATUS_OK);
}

static int compare_frames(struct side sides[2], const struct options *options)
{
	int status = side_rest(&sides[0]);

	if (status == STATUS_OK)
		status = side_rest(&sides[1]);
	return status == STATUS_OK ? compare(sides, options) : status;
}

static int compare_by(struct side sides[2], struct options *options)
{
	options->by.json = options->json;
	return session_flush(diff_by(&sides[0].session, &sides[1].session, &options->by));
}

int command_diff(int argc, char **argv)
{
	static const struct option_rule rules[] = {
		{"limit", OPTION_NEEDS, "by", "--list is for frames"},
		{"list", OPTION_IDLE_WITH, "by", "it lists no frames"},
		{"jsonl", OPTION_IDLE_WITH, "by", "a table has one answer, --json"},
		{0}};
	struct options options = {.list = LIST_DEFAULT, .by.limit = BREAKDOWN_LIMIT};
	struct side sides[2] = {0};
	struct vm_choice choice;
	struct error err;

	options_parse_ruled(&parser, rules, argc, argv, &options);
	urcu_memb_register_thread();
	int result = vm_choice_make(&choice, options.names, 2,
				    &(struct confinement){.pauses = !options.is_by}, &err);
	int status = result < 0 ? session_refuse(result, &err)
				: side_open(&sides[0], options.names[0]);

	if (status == STATUS_OK)
		status = side_open(&sides[1], options.names[1]);
	if (status == STATUS_OK)
		status = options.is_by ? compare_by(sides, &options)
				       : compare_frames(sides, &options);
	side_close(&sides[1]);
	side_close(&sides[0]);
	urcu_memb_unregister_thread();
	return status;
}
