/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor types`: the metadata types of a guest, with their fields. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "kind/kind.h"
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

int command_types(int argc, char **argv)
{
	struct session session = {0};

	session_parse(
		&session.options,
		"Lists the metadata types of a running guest: size, frames that are of "
		"the type now, flags, and each field with its offset, size and kind.\v" SESSION_VM_HELP,
		argc, argv);
	int status = session_open(&session);

	if (status == STATUS_OK)
		status = look_and_print(&session);
	session_close(&session);
	return session_flush(status);
}
