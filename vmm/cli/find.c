/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor find`: the frames of a guest that match an expression. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/query.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "inspect/find/find.h"
#include "kind/fields/type_format.h"
#include "source/capture_source.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"
#include "view/answer.h"
#include "view/coverage.h"
#include "view/find_text.h"
#include "view/terminal.h"
#include "view/frame_json.h"
#include "view/observation_json.h"

enum option_key {
	KEY_COUNT = 'c',
	KEY_LIMIT = 'n',
	KEY_FIELDS = 'f',
	KEY_EACH = 'e',
};

/* Searches that take longer show progress on a terminal, and what they found so far. */
#define PROGRESS_AFTER_NS (NS_PER_S / 2)
#define PROGRESS_EVERY_NS (NS_PER_S / 10)

#define OUTPUT_BUFFER 65536

struct find {
	const char *text;
	bool only_count;
	bool show_fields;
	bool each;
	uint64_t limit;
	struct session session;
	struct query query;
	struct find_result result;
	struct find_text table;
	struct terminal terminal;
	uint64_t next_progress_ns;
};

static const struct argp_option options_table[] = {
	{"count", KEY_COUNT, NULL, 0, "only the number of matching frames", 0},
	{"each", KEY_EACH, NULL, 0, "a line for each frame, also for adjacent ones that are alike",
	 0},
	{"fields", KEY_FIELDS, NULL, 0, "also the metadata of each frame", 0},
	{"limit", KEY_LIMIT, "N", 0, "list the first N; the others are still counted", 0},
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct find *find = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &find->session.options;
		break;
	case KEY_COUNT:
		find->only_count = true;
		break;
	case KEY_EACH:
		find->each = true;
		break;
	case KEY_FIELDS:
		find->show_fields = true;
		break;
	case KEY_LIMIT:
		if (!number_parse(text, 1, UINT64_MAX, &find->limit))
			argp_error(state, "--limit %s: expected a number of at least 1", text);
		break;
	case ARGP_KEY_ARG:
		if (find->text)
			return ARGP_ERR_UNKNOWN; /* the VM */
		find->text = text;
		break;
	case ARGP_KEY_END:
		if (!find->text)
			argp_error(state, "expected an expression, such as 'ref > 1'");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "EXPRESSION",
	.children = session_list_children,
	.doc = "Lists the frames of a running guest that match an expression: address, "
	       "state, type, references; a line for each run of adjacent frames that are alike."
	       "\v" QUERY_HELP " For example:\n\n"
	       "  pagevisor find 'type == page_table && ref > 1 && meta.level == 1'\n"
	       "  pagevisor find --count 'state == shared && addr < 16M'\n\n" SESSION_VM_HELP,
};

/* Takes the status line away before anything is printed: both may go to one terminal. */
static void hide_progress(struct find *find)
{
	if (find->terminal.has_status)
		terminal_finish(&find->terminal);
}

/* Lets a reader see what was found so far, and a person how far it is. */
static void show_progress(void *own, uint64_t frames)
{
	struct find *find = own;
	uint64_t now = clock_now_ns();
	char text[96];

	if (now < find->next_progress_ns)
		return;
	find->next_progress_ns = now + PROGRESS_EVERY_NS;
	hide_progress(find);
	fflush(stdout);
	if (!find->terminal.is_tty)
		return;
	snprintf(text, sizeof(text), "searched %" PRIu64 " of %" PRIu64 " MiB, found %" PRIu64,
		 frames * PAGE_SIZE >> 20, find->session.guest->frame_count * PAGE_SIZE >> 20,
		 find->result.matches);
	terminal_status(&find->terminal, text);
}

static void print_frame(void *own, const struct found_frame *found)
{
	struct find *find = own;

	hide_progress(find);
	find_text_add(&find->table, found);
}

/* Prints one object after the other: there may be millions. */
static void print_object(void *own, const struct found_frame *found)
{
	struct find *find = own;
	const struct guest *guest = find->session.guest;
	const struct frame *frame = &found->frame;
	json *object = frame_json(guest, found->pfn.index, frame);

	hide_progress(find);
	if (find->show_fields && frame->type >= 0)
		record_add_json(object, guest, find->query.catalog, frame->type, found->record);
	else
		type_word_add_json(object, guest, frame->type, found->record);
	answer_item(object);
}

static int search(struct find *find, void (*found)(void *own, const struct found_frame *frame))
{
	const struct find_options options = {
		.expression = &find->query.expression,
		.limit = find->only_count ? 0 : find->limit,
		.found = found,
		.searched = show_progress,
		.own = find,
	};
	struct error err;

	/* A million lines are too many to write one by one, even on a terminal. */
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	terminal_init(&find->terminal, false);
	find->next_progress_ns = clock_now_ns() + PROGRESS_AFTER_NS;
	int result = find_frames(find->session.guest, &options, &find->result);

	hide_progress(find);
	if (result == 0)
		return session_still(&find->session);
	if (result == -ENOMEM)
		return session_refuse(error_set(&err, result, "no memory"), &err);
	return session_lost(&find->session.source, "the array went away during the search");
}

static int print_json(struct find *find)
{
	const struct find_result *result = &find->result;
	json *head = session_head(&find->session), *tail = json_object_new_object();

	json_add_text(head, "expression", find->text);
	answer_begin("find", head);
	if (!find->only_count)
		answer_list("frames", "frame");
	int status = search(find, print_object);

	json_add_number(tail, "matches", result->matches);
	json_add_number(tail, "never_written_frames", result->holes);
	json_add(tail, "reads", reads_json(1, &result->reads, result->duration_ns));
	session_add_coverage(tail, &find->session, result->reads.unstable);
	if (status == STATUS_OK)
		answer_end(tail, status);
	else
		json_object_put(tail);
	return status;
}

static int print_text(struct find *find)
{
	const struct find_result *result = &find->result;

	/* Standard output has frames alone. */
	session_print_coverage(&find->session, 0, stderr);
	if (find->query.expression.unnamed_column)
		fprintf(stderr, "column %u: nothing in this guest has that name\n",
			find->query.expression.unnamed_column);
	find->table = (struct find_text){.out = stdout,
					 .guest = find->session.guest,
					 .each = find->each,
					 .catalog = find->show_fields ? find->query.catalog : NULL};
	int status = search(find, print_frame);

	find_text_end(&find->table);
	if (status != STATUS_OK)
		return status;
	if (find->only_count)
		printf("%" PRIu64 "\n", result->matches);
	else if (find->table.printed < result->matches)
		fprintf(stderr, "the first %" PRIu64 " of %" PRIu64 "\n", find->table.printed,
			result->matches);
	if (result->reads.unstable)
		session_print_coverage(&find->session, result->reads.unstable, stderr);
	return STATUS_OK;
}

static int find_and_print(struct find *find)
{
	int status = session_look(&find->session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;
	status = query_compile(&find->query, &find->session, find->text);
	if (status == STATUS_OK)
		status = find->session.options.json ? print_json(find) : print_text(find);
	query_free(&find->query);
	return status;
}

/*
 * A VM in place of the expression, which was forgotten: without this the error would be about anything else. A VM may be
 * called as an operand is.
 */
static bool is_vm(const char *text)
{
	struct vm_id id;
	struct error ignored;

	if (expression_is_operand(text))
		return false;
	if (capture_source_is_name(text))
		return access(text, F_OK) == 0;
	return !source_name_is_plain(text) || own_vm_find(text, &id, &ignored) == 0;
}

static int refuse_vm(const char *text)
{
	bool is_capture = capture_source_is_name(text);

	return output_refuse(STATUS_BAD_INPUT,
			     "%s is a %s, not an expression: pagevisor find EXPRESSION %s", text,
			     is_capture ? "capture" : "VM", text);
}

int command_find(int argc, char **argv)
{
	static const struct option_rule rules[] = {
		{"each|fields|limit", OPTION_IDLE_WITH, "count", "it lists no frames"}, {0}};
	struct find find = {.limit = UINT64_MAX};

	options_parse_ruled(&parser, rules, argc, argv, &find);

	if (!find.session.options.vm && is_vm(find.text))
		return refuse_vm(find.text);
	int status = session_open(&find.session);

	if (status == STATUS_OK)
		status = find_and_print(&find);
	session_close(&find.session);
	return session_flush(status);
}
