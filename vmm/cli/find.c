/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor find`: the frames of a guest that an expression means, a line for each. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "inspect/find/find_slots.h"
#include "inspect/find/field_lookup.h"
#include "kind/pagevisor/types/type_format.h"

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
	{"count", KEY_COUNT, NULL, 0, "only how many there are", 0},
	{"fields", KEY_FIELDS, NULL, 0, "the metadata of each frame, too", 0},
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
			argp_error(state, "--limit %s: a number from 1 on is needed", text);
		break;
	case ARGP_KEY_ARG:
		if (find->text)
			return ARGP_ERR_UNKNOWN; /* the VM */
		find->text = text;
		break;
	case ARGP_KEY_END:
		if (!find->text)
			argp_error(state, "an expression is needed, such as 'ref > 1'");
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
	.doc = "Lists the frames of a guest that an expression means, while the guest runs: address, "
	       "state, type, references."
	       "\vOperators are those of C and bind as there: || && & == != < <= > >= + - and the "
	       "unary ! and -. Numbers may have a K, M or G. Names are\n\n"
	       "  type            == or != the name of a type\n"
	       "  state           == or != unused, busy, shared, unique, host or illegal\n"
	       "  ref             references\n"
	       "  generation gen  how often the slot changed owner\n"
	       "  pfn addr        number and address of the frame\n"
	       "  meta.FIELD      a field of the type's metadata\n\n"
	       "A frame that is not in use has no type, and a type may lack a field: what is compared "
	       "with it is false, also by !=. For example:\n\n"
	       "  pagevisor find 'type == page_table && ref > 1 && meta.level == 1'\n"
	       "  pagevisor find --count 'state == shared && addr < 16M'\n\n" SESSION_VM_HELP,
};

static const char *type_text(const struct find *find, const struct found_slot *slot)
{
	if (slot->type >= 0)
		return find->session.view.types[slot->type].name;
	return slot->type == SLOT_TYPE_WILD ? "?" : "-";
}

static void print_line(void *own, const struct found_slot *slot)
{
	struct find *find = own;

	find->printed++;
	printf("%#-14" PRIx64 " %-7s %-12s %" PRIu32 "\n", pfn_to_paddr(slot->frame).addr,
	       ref_class_name(ref_classify(slot_state_refs(slot->state))), type_text(find, slot),
	       expression_references(slot->state));
	if (find->show_fields && slot->type >= 0)
		type_format_text(stdout, find->catalog, slot->type, slot->copy.storage, "    ");
}

/* One object after the other: there may be millions. */
static void print_object(void *own, const struct found_slot *slot)
{
	struct find *find = own;
	struct json_object *frame = json_object_new_object();

	json_add_number(frame, "frame", pfn_to_paddr(slot->frame).addr);
	json_add_number(frame, "pfn", slot->frame.index);
	json_add_text(frame, "state", ref_class_name(ref_classify(slot_state_refs(slot->state))));
	if (slot->type != SLOT_TYPE_NONE)
		json_add_number(frame, "vtable", slot->copy.vtable_ptr);
	if (slot->type >= 0)
		json_add_text(frame, "type", type_text(find, slot));
	json_add_number(frame, "references", expression_references(slot->state));
	json_add_number(frame, "generation", slot_state_generation(slot->state));
	if (find->show_fields && slot->type >= 0)
		json_object_object_add(
			frame, "meta",
			type_format_json(find->catalog, slot->type, slot->copy.storage));
	printf("%s\n    %s", find->printed++ ? "," : "", json_line(frame));
	json_object_put(frame);
}

static int search(struct find *find, void (*found)(void *own, const struct found_slot *slot))
{
	const struct find_options options = {
		.expression = &find->expression,
		.limit = find->only_count ? 0 : find->limit,
		.found = found,
		.own = find,
	};
	struct error err;
	int result = find_slots(&find->session.source.memory, &find->session.view, &options,
				&find->result);

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
	int result = expression_compile(find->text, &find->session.view,
					find->catalog->btf ? &resolver : NULL, &find->expression,
					&where);

	if (result < 0)
		return session_refuse(
			error_set(&err, result, "the expression is wrong at %.400s", where.text),
			&err);
	return find->session.options.json ? print_json(find) : print_text(find);
}

static int find_and_print(struct find *find)
{
	struct error err;
	int status = session_look(&find->session, STAGE_METADATA);

	if (status != STATUS_OK)
		return status;
	find->catalog = type_catalog_read(&find->session.view, &find->session.source.memory);
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
