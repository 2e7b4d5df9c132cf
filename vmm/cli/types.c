/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor types`: the metadata types of a guest, with their fields. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/session.h"
#include "kind/kind.h"
#include "kind/fields/struct_members.h"
#include "kind/fields/type_format.h"
#include "view/answer.h"
#include "view/kind_json.h"

static void print_size(unsigned size)
{
	if (size)
		printf(" %5u", size);
	else
		printf(" %5s", "-");
}

/* " untyped on_drop" */
static void print_flags(const struct guest *guest, const struct frame_type *type)
{
	if (type->flags)
		printf(" ");
	for (unsigned i = 0; i < guest->kind->type_flag_count; i++)
		if (type->flags >> i & 1)
			printf(" %s", guest->kind->type_flags[i]);
}

static void print_text(const struct guest *guest, const struct frame_tally *tally,
		       const struct type_catalog *catalog)
{
	printf("%-31s BYTES     FRAMES  FLAGS\n", "TYPE");
	for (unsigned i = 0; i < guest->type_count; i++) {
		const struct frame_type *type = &guest->types[i];

		printf("%-31s", type->name);
		print_size(type->size);
		printf(" %10" PRIu64, tally->types[i]);
		print_flags(guest, type);
		printf("\n");
		if (catalog->btf)
			type_format_fields_text(stdout, catalog, i, "    ");
	}
	if (!catalog->btf)
		printf("The fields are not known: %s.\n", catalog->why.text);
}

static json *type_json(const struct guest *guest, unsigned index, uint64_t frames,
		       const struct type_catalog *catalog)
{
	const struct frame_type *type = &guest->types[index];
	const char *unknown = type_catalog_unknown(catalog, index);
	json *object = json_object_new_object();

	json_add_text(object, "type", type->name);
	if (type->size)
		json_add_number(object, "metadata_bytes", type->size);
	json_add_number(object, "in_use_frames", frames);
	for (unsigned i = 0; i < guest->kind->type_flag_count; i++)
		kind_add(object, guest->kind, guest->kind->type_flags[i],
			 json_flag(type->flags >> i & 1));
	if (unknown)
		json_add_text(object, "unknown", unknown);
	else
		json_add(object, "layout", type_format_layout_json(catalog, index));
	return object;
}

static void print_json(const struct session *session, const struct frame_tally *tally,
		       const struct type_catalog *catalog)
{
	const struct guest *guest = session->guest;
	json *head = session_head(session);

	session_add_coverage(head, session, tally->reads.unstable);
	answer_begin("types", head);
	answer_list("types", "type");
	for (unsigned i = 0; i < guest->type_count; i++)
		answer_item(type_json(guest, i, tally->types[i], catalog));
	answer_end(NULL, STATUS_OK);
}

static void print_member(void *own, const struct struct_member *member)
{
	(void)own;
	printf("    %6" PRIu64 " %6" PRIu64 "  %*s%s\n", member->offset, member->size,
	       (int)(4 * member->depth), "", member->declaration);
}

static void print_struct(const struct session *session, const struct btf *btf, uint32_t id)
{
	char name[STRUCT_DECLARATION_SIZE];
	uint64_t size = struct_describe(btf, id, name);

	session_print_coverage(session, 0, stdout);
	printf("%s  %" PRIu64 " bytes\n", name, size);
	unsigned left_out = struct_members(btf, id, print_member, NULL);

	if (left_out)
		printf("    (%u more members)\n", left_out);
}

static void add_member(void *own, const struct struct_member *member)
{
	json *object = json_object_new_object();

	(void)own;
	json_add_text(object, "member", member->name);
	json_add_text(object, "declaration", member->declaration);
	json_add_number(object, "offset_bytes", member->offset);
	json_add_number(object, "size_bytes", member->size);
	if (member->bits) {
		json_add_number(object, "first_bit", member->first_bit);
		json_add_number(object, "bits", member->bits);
	}
	json_add_number(object, "depth", member->depth);
	answer_item(object);
}

static void print_struct_json(const struct session *session, const struct btf *btf, uint32_t id)
{
	char name[STRUCT_DECLARATION_SIZE];
	uint64_t size = struct_describe(btf, id, name);
	json *head = session_head(session);

	session_add_coverage(head, session, 0);
	json_add_text(head, "struct", name);
	json_add_number(head, "struct_bytes", size);
	answer_begin("types", head);
	answer_list("members", "member");
	struct_members(btf, id, add_member, NULL);
	answer_end(NULL, STATUS_OK);
}

/* Any struct of the kernel: nothing of the frames is read. */
static int look_at_struct(struct session *session, const char *name)
{
	const struct kind *kind;
	struct error err;
	int status = session_look(session, GUEST_HAS_FRAMES), id;

	if (status != STATUS_OK)
		return status;
	struct type_catalog *catalog = guest_type_catalog(session->guest);

	if (!catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	kind = session->guest->kind;
	const struct btf *btf = kind->kernel_types ? kind->kernel_types(session->guest)
						   : catalog->btf;

	id = btf ? struct_find(btf, name, &err)
		 : error_set(&err, -ENODATA, "the guest's structs are not known: %s",
			     catalog->why.text);
	status = id < 0 ? session_refuse(id == -ENOENT ? -EINVAL : id, &err)
			: session_still(session);
	if (status == STATUS_OK && session->options.json)
		print_struct_json(session, btf, (uint32_t)id);
	else if (status == STATUS_OK)
		print_struct(session, btf, (uint32_t)id);
	type_catalog_free(catalog);
	return status;
}

static int look_and_print(struct session *session)
{
	struct findings findings = {0};
	struct frame_tally tally;
	struct error err;
	int status = session_look(session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;
	if (guest_tally(session->guest, &tally, &findings) < 0)
		return session_lost(&session->source, "the array went away during the scan");

	struct type_catalog *catalog = guest_type_catalog(session->guest);

	if (!catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	status = session_still(session);
	if (status == STATUS_OK && session->options.json) {
		print_json(session, &tally, catalog);
	} else if (status == STATUS_OK) {
		session_print_coverage(session, tally.reads.unstable, stdout);
		print_text(session->guest, &tally, catalog);
	}
	type_catalog_free(catalog);
	return status;
}

struct types_options {
	struct session_options *session;
	const char *words[2];
	unsigned count;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct types_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options->session;
		break;
	case ARGP_KEY_ARG:
		if (options->count == 2)
			argp_error(state, "unexpected argument '%s': one VM is enough", text);
		options->words[options->count++] = text;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.parser = parse_option,
	.args_doc = "[STRUCT]",
	.children = session_list_children,
	.doc = "Lists the metadata types of a running guest: size, frames that are of "
	       "the type now, flags, and each field with its offset, size and kind. With a STRUCT: its members with "
	       "offset, size and declaration; of Linux guests any struct of the kernel, by its BTF."
	       "\vA single argument is the VM, unless it begins with struct or union:\n\n"
	       "  pagevisor types task_struct qemu:1234\n"
	       "  pagevisor types 'struct task_struct'\n\n" SESSION_VM_HELP,
};

static bool is_struct(const char *word)
{
	return strncmp(word, "struct ", 7) == 0 || strncmp(word, "union ", 6) == 0;
}

int command_types(int argc, char **argv)
{
	struct session session = {0};
	struct types_options options = {.session = &session.options};
	const char *name = NULL;

	options_parse(&parser, argc, argv, &options);
	if (options.count == 2 || (options.count == 1 && is_struct(options.words[0])))
		name = options.words[0];
	if (options.count > (name ? 1 : 0))
		session.options.vm = options.words[options.count - 1];
	int status = session_open(&session);

	if (status == STATUS_OK)
		status = name ? look_at_struct(&session, name) : look_and_print(&session);
	session_close(&session);
	return session_flush(status);
}
