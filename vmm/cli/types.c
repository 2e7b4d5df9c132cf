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
#include "kind/pagevisor/scan.h"
#include "kind/pagevisor/types/type_format.h"

static void print_text(const struct guest_view *view, const struct scan *scan,
		       const struct type_catalog *catalog)
{
	printf("%-31s BYTES     FRAMES  FLAGS\n", "TYPE");
	for (unsigned i = 0; i < view->type_count; i++) {
		const struct type_view *type = &view->types[i];

		printf("%-31s %5u %10" PRIu64 "%s%s%s\n", type->name, type->size, scan->types[i],
		       type->is_untyped || type->has_on_drop ? " " : "",
		       type->is_untyped ? " untyped" : "", type->has_on_drop ? " on_drop" : "");
		if (catalog->btf)
			type_format_fields_text(stdout, catalog, i, "    ");
	}
	if (!catalog->btf)
		printf("The fields are not known: %s.\n", catalog->why.text);
}

static struct json_object *type_json(const struct type_view *type, uint64_t frames,
				     const struct type_catalog *catalog, unsigned index)
{
	const char *unknown = type_catalog_unknown(catalog, index);
	struct json_object *object = json_object_new_object();

	json_add_text(object, "name", type->name);
	json_add_number(object, "size", type->size);
	json_add_number(object, "frames", frames);
	json_object_object_add(object, "untyped", json_object_new_boolean(type->is_untyped));
	json_object_object_add(object, "on_drop", json_object_new_boolean(type->has_on_drop));
	if (unknown)
		json_add_text(object, "unknown", unknown);
	else
		json_object_object_add(object, "fields", type_format_fields_json(catalog, index));
	return object;
}

static void print_json(const struct source *source, const struct guest_view *view,
		       const struct scan *scan, const struct type_catalog *catalog)
{
	struct json_object *root = json_object_new_object();
	struct json_object *types = json_object_new_array();

	json_add_text(root, "vm", source->name);
	for (unsigned i = 0; i < view->type_count; i++)
		json_object_array_add(types,
				      type_json(&view->types[i], scan->types[i], catalog, i));
	json_object_object_add(root, "types", types);
	json_print(root);
}

static int look_and_print(struct session *session)
{
	const struct source *source = &session->source;
	struct findings findings = {0};
	struct scan scan;
	struct error err;
	int status = session_look(session, STAGE_METADATA);

	if (status != STATUS_OK)
		return status;
	if (scan_array(&source->memory, &session->view, &scan, &findings) < 0) {
		fprintf(stderr, "pagevisor: the array went away during the scan\n");
		return STATUS_GUEST;
	}

	struct type_catalog *catalog = type_catalog_read(&session->view, &source->memory);

	if (!catalog)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	if (session->options.json)
		print_json(source, &session->view, &scan, catalog);
	else
		print_text(&session->view, &scan, catalog);
	type_catalog_free(catalog);
	return STATUS_OK;
}

int command_types(int argc, char **argv)
{
	struct session session = {0};

	session_parse(
		&session.options,
		"Lists the metadata types of a guest that runs: size, frames that are of "
		"the type now, flags, and each field with its offset, size and kind.\v" SESSION_VM_HELP,
		argc, argv);
	int status = session_open(&session);

	if (status == STATUS_OK)
		status = look_and_print(&session);
	session_close(&session);
	return session_flush(status);
}
