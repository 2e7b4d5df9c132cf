/* SPDX-License-Identifier: MPL-2.0 */
/* The metadata types of a guest with their fields: see type_catalog.h. */
#include "kind/fields/type_catalog.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kind/fields/btf_check.h"
#include "kind/kind.h"

struct type_catalog *type_catalog_new(const struct guest *guest, const char *why)
{
	struct type_catalog *catalog = calloc(1, sizeof(*catalog));

	if (!catalog)
		return NULL;
	catalog->count = guest->type_count;
	catalog->metadata_size = guest->kind->metadata_size;
	error_set(&catalog->why, -ENOENT, "%s", why);
	if (guest->kind->type_word)
		error_set(&catalog->wild, -ENOENT, "the frame's %s pointer names no type",
			  guest->kind->type_word);
	else
		error_set(&catalog->wild, -ENOENT, "the frame has none of the guest's types");
	return catalog;
}

/* Fills the layouts. The fault of a type is noted in its own layout and affects no other. */
static void build_layouts(struct type_catalog *catalog, const struct guest *guest)
{
	struct error err;

	for (unsigned i = 0; i < catalog->count; i++) {
		struct type_layout *layout = &catalog->layouts[i];
		const struct frame_type *type = &guest->types[i];

		if (type_layout_build(catalog->btf, type->name, guest->kind->type_marks, layout,
				      &err) < 0)
			continue;
		if (type->size && layout->size != type->size) {
			uint32_t size = layout->size;

			type_layout_destroy(layout);
			error_set(&layout->unknown, -EPROTO,
				  "the metadata type %s has %u bytes, but %u in the guest's BTF",
				  type->name, type->size, size);
		}
	}
}

void type_catalog_load(struct type_catalog *catalog, const struct guest *guest, const void *blob,
		       size_t size)
{
	if (btf_check(blob, size, &btf_limits_own, &catalog->why) < 0)
		return;
	/* The library's messages are not for our users. */
	libbpf_set_print(NULL);
	catalog->btf = btf__new(blob, (uint32_t)size);
	if (!catalog->btf) {
		error_set(&catalog->why, -EPROTO, "libbpf refuses the guest's BTF");
		return;
	}
	build_layouts(catalog, guest);
}

void type_catalog_free(struct type_catalog *catalog)
{
	if (!catalog)
		return;
	for (unsigned i = 0; i < catalog->count; i++)
		type_layout_destroy(&catalog->layouts[i]);
	btf__free(catalog->btf);
	free(catalog);
}

const char *type_catalog_unknown(const struct type_catalog *catalog, unsigned type)
{
	if (!catalog->btf)
		return catalog->why.text;
	return catalog->layouts[type].type_id ? NULL : catalog->layouts[type].unknown.text;
}
