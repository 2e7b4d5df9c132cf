/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor find`: the frames of a guest that match an expression, a line for each. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "inspect/find/find.h"
#include "inspect/find/field_lookup.h"
#include "kind/fields/type_format.h"

enum option_key {
	KEY_COUNT = 'c',
	KEY_LIMIT = 'n',
	KEY_FIELDS = 'f',
};

struct find {
	const char *text;
	bool only_count;
	bool show_fields;
	uint64_t limit;
	struct session session;
	struct type_catalog *catalog;
	struct field_lookup *fields;
	struct expression expression;
	struct find_result result;
	uint64_t printed;
};

static const struct argp_option options_table[] = {
	{"count", KEY_COUNT, NULL, 0, "only the number of matching frames", 0},
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
	.children = session_children,
	.doc = "Lists the frames of a running guest that match an expression: address, "
	       "state, type, references."
	       "\vOperators have the meaning and precedence of C: || && & == != < <= > >= + - and the "
	       "unary ! and -. Numbers may end in K, M or G. Names are\n\n"
	       "  type            == or != the name of a type\n"
	       "  state           == or != unused, busy, shared, unique, host or illegal\n"
	       "  ref             references\n"
	       "  generation gen  how often the slot changed owner\n"
	       "  pfn addr        number and address of the frame\n"
	       "  meta.FIELD      a field of the type's metadata\n\n"
	       "A frame that is not in use has no type, and a type may lack a field: any comparison "
	       "with these is false, even !=. For example:\n\n"
	       "  pagevisor find 'type == page_table && ref > 1 && meta.level == 1'\n"
	       "  pagevisor find --count 'state == shared && addr < 16M'\n\n" SESSION_VM_HELP,
};

static void print_line(void *own, const struct found_frame *found)
{
	struct find *find = own;
	const struct guest *guest = find->session.guest;
	const struct frame *frame = &found->frame;

	find->printed++;
	printf("%#-14" PRIx64 " %-7s %-12s", pfn_to_paddr(found->pfn).addr,
	       guest_state_name(guest, frame->state), guest_type_name(guest, frame->type));
	if (guest->kind->has_references)
		printf(" %" PRIu32, frame->references);
	printf("\n");
	if (find->show_fields && frame->type >= 0)
		type_format_text(stdout, find->catalog, frame->type, found->record, "    ");
}

/* Prints one object after the other: there may be millions. */
static void print_object(void *own, const struct found_frame *found)
{
	struct find *find = own;
	const struct guest *guest = find->session.guest;
	const struct frame *frame = &found->frame;
	struct json_object *object = json_object_new_object();
	uint64_t word;

	json_add_number(object, "frame", pfn_to_paddr(found->pfn).addr);
	json_add_number(object, "pfn", found->pfn.index);
	json_add_text(object, "state", guest_state_name(guest, frame->state));
	if (frame->type != FRAME_TYPE_NONE && kind_type_word(guest->kind, found->record, &word))
		json_add_number(object, guest->kind->type_word, word);
	if (frame->type >= 0)
		json_add_text(object, "type", guest_type_name(guest, frame->type));
	if (guest->kind->has_references)
		json_add_number(object, "references", frame->references);
	if (guest->kind->has_generations)
		json_add_number(object, "generation", frame->generation);
	if (find->show_fields && frame->type >= 0)
		json_object_object_add(object, "meta",
				       type_format_json(find->catalog, frame->type, found->record));
	printf("%s\n    %s", find->printed++ ? "," : "",
	       json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static int search(struct find *find, void (*found)(void *own, const struct found_frame *frame))
{
	const struct find_options options = {
		.expression = &find->expression,
		.limit = find->only_count ? 0 : find->limit,
		.found = found,
		.own = find,
	};
	struct error err;
	int result = find_frames(find->session.guest, &options, &find->result);

	if (result == 0)
		return STATUS_OK;
	if (result == -ENOMEM)
		return session_refuse(error_set(&err, result, "no memory"), &err);
	return session_lost(&find->session.source, "the array went away during the search");
}

static int print_json(struct find *find)
{
	const struct find_result *result = &find->result;
	struct json_object *text = json_object_new_string(find->text);

	printf("{\n  \"expression\":%s", json_line(text));
	json_object_put(text);
	if (!find->only_count)
		printf(",\n  \"frames\":[");
	int status = search(find, print_object);

	if (!find->only_count)
		printf("%s]", find->printed ? "\n  " : "");
	printf(",\n  \"matches\":%" PRIu64 ",\n  \"slots_read\":%" PRIu64
	       ",\n  \"slots_copied\":%" PRIu64 ",\n  \"retried\":%" PRIu64
	       ",\n  \"given_up\":%" PRIu64 ",\n  \"never_written\":%" PRIu64
	       ",\n  \"time_ns\":%" PRIu64 "\n}\n",
	       result->matches, result->reads.slots, result->reads.copies, result->reads.retries,
	       result->reads.unstable, result->holes, result->duration_ns);
	return status;
}

static int print_text(struct find *find)
{
	const struct find_result *result = &find->result;
	int status = search(find, print_line);

	if (status != STATUS_OK)
		return status;
	if (find->only_count)
		printf("%" PRIu64 "\n", result->matches);
	else if (find->printed < result->matches)
		fprintf(stderr, "the first %" PRIu64 " of %" PRIu64 "\n", find->printed,
			result->matches);
	if (result->reads.unstable)
		fprintf(stderr, "given up: %" PRIu64 " slots that changed at every try\n",
			result->reads.unstable);
	return STATUS_OK;
}

/* Compiles the expression with the fields of the guest's types, and searches. */
static int compile_and_print(struct find *find)
{
	struct field_resolver resolver = field_lookup_resolver(find->fields, find->catalog);
	struct error err, where;
	int result = expression_compile(find->text, find->session.guest, &resolver,
					&find->expression, &where);

	if (result < 0)
		return session_refuse(
			error_set(&err, result, "the expression is wrong at %.400s", where.text),
			&err);
	return find->session.options.json ? print_json(find) : print_text(find);
}

static int find_and_print(struct find *find)
{
	struct error err;
	int status = session_look(&find->session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;
	find->catalog = guest_type_catalog(find->session.guest);
	find->fields = calloc(1, sizeof(*find->fields));
	if (find->catalog && find->fields)
		status = compile_and_print(find);
	else
		status = session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	free(find->fields);
	if (find->catalog)
		type_catalog_free(find->catalog);
	return status;
}

int command_find(int argc, char **argv)
{
	struct find find = {.limit = UINT64_MAX};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &find);
	int status = session_open(&find.session);

	if (status == STATUS_OK)
		status = find_and_print(&find);
	session_close(&find.session);
	return session_flush(status);
}
