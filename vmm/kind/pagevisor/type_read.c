/* SPDX-License-Identifier: MPL-2.0 */
/* The types of a guest with their fields: see type_read.h. */
#include "kind/pagevisor/type_read.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/fields/btf_check.h"

/* Loads the guest's BTF, whose size is known to be bounded. */
static void read_fields(struct type_catalog *catalog, const struct guest *guest,
			const struct guest_view *view)
{
	void *blob = malloc(view->btf_size);

	if (!blob)
		error_set(&catalog->why, -ENOMEM, "no memory for the guest's BTF");
	else if (guest_memory_copy(guest->memory, view->btf, blob, view->btf_size) < 0)
		error_set(&catalog->why, -EPROTO, "the guest's BTF is not in its RAM");
	else
		type_catalog_load(catalog, guest, blob, view->btf_size);
	free(blob);
}

struct type_catalog *type_catalog_read(const struct guest *guest, const struct guest_view *view)
{
	struct type_catalog *catalog = type_catalog_new(guest, "the guest has no BTF");

	if (!catalog || view->btf_size == 0)
		return catalog;
	if (view->btf_size > BTF_BLOB_MAX)
		error_set(&catalog->why, -EPROTO, "the guest's BTF has more than %u bytes",
			  BTF_BLOB_MAX);
	else
		read_fields(catalog, guest, view);
	return catalog;
}
