/* SPDX-License-Identifier: MPL-2.0 */
/* The metadata types of a guest with their fields: see type_catalog.h. */
#include "kind/pagevisor/types/type_catalog.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kind/pagevisor/types/btf_check.h"

static struct type_catalog *new_catalog(const struct guest_view *view)
{
	struct type_catalog *catalog = calloc(1, sizeof(*catalog));

	if (catalog)
		catalog->count = view->type_count;
	return catalog;
}

/* Fills the layouts; what one type lacks is said there and harms no other. */
static void build_layouts(struct type_catalog *catalog, const struct guest_view *view)
{
	struct error err;

	for (unsigned i = 0; i < catalog->count; i++) {
		struct type_layout *layout = &catalog->layouts[i];
		const struct type_view *type = &view->types[i];

		if (type_layout_build(catalog->btf, type->name, layout, &err) < 0)
			continue;
		if (layout->size != type->size) {
			uint32_t size = layout->size;

			type_layout_destroy(layout);
			error_set(&layout->unknown, -EPROTO,
				  "the metadata type %s has %u bytes, but %u in the guest's BTF",
				  type->name, type->size, size);
		}
	}
}

static void load(struct type_catalog *catalog, const struct guest_view *view, const void *blob,
		 size_t size)
{
	if (btf_check(blob, size, &catalog->why) < 0)
		return;
	/* The library's messages are not for our users. */
	libbpf_set_print(NULL);
	catalog->btf = btf__new(blob, (uint32_t)size);
	if (!catalog->btf) {
		error_set(&catalog->why, -EPROTO, "libbpf refuses the guest's BTF");
		return;
	}
	build_layouts(catalog, view);
}

struct type_catalog *type_catalog_create(const struct guest_view *view, const void *blob,
					 size_t size)
{
	struct type_catalog *catalog = new_catalog(view);

	if (catalog)
		load(catalog, view, blob, size);
	return catalog;
}

struct type_catalog *type_catalog_read(const struct guest_view *view,
				       const struct guest_memory *memory)
{
	struct type_catalog *catalog = new_catalog(view);
	void *blob = NULL;

	if (!catalog)
		return NULL;
	if (view->btf_size == 0) {
		error_set(&catalog->why, -ENOENT, "the guest has no BTF");
	} else if (view->btf_size > BTF_BLOB_MAX) {
		error_set(&catalog->why, -EPROTO, "the guest's BTF has more than %u bytes",
			  BTF_BLOB_MAX);
	} else if (!(blob = malloc(view->btf_size))) {
		error_set(&catalog->why, -ENOMEM, "no memory for the guest's BTF");
	} else if (guest_memory_copy(memory, view->btf, blob, view->btf_size) < 0) {
		error_set(&catalog->why, -EPROTO, "the guest's BTF is not in its RAM");
	} else {
		load(catalog, view, blob, view->btf_size);
	}
	free(blob);
	return catalog;
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
