/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The metadata types of a guest with their fields, as its BTF tells them: one layout for each type
 * of its guest_view, in the same order.
 *
 * A catalog never changes once it is built, so that any number of threads may read it: publish it
 * with rcu_pointer_publish, and free it after a grace period. A guest without BTF, or with BTF that
 * is refused, has a catalog as well; it says why, and its layouts are empty.
 */
#ifndef VMM_TYPE_CATALOG_H
#define VMM_TYPE_CATALOG_H

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"
#include "kind/pagevisor/types/type_layout.h"

struct type_catalog {
	struct btf *btf;  /* NULL when there is none that can be used */
	struct error why; /* then: why */
	unsigned count;
	struct type_layout layouts[META_TYPES_MAX];
};

/* Reads the guest's BTF. Returns NULL only when memory ran out. */
struct type_catalog *type_catalog_read(const struct guest_view *view,
				       const struct guest_memory *memory);

/* The same of a blob that is in hand, aligned to 4 bytes; it is copied. */
struct type_catalog *type_catalog_create(const struct guest_view *view, const void *blob,
					 size_t size);

void type_catalog_free(struct type_catalog *catalog);

/* Why nothing is known about the fields of a type, or NULL when they are known. */
const char *type_catalog_unknown(const struct type_catalog *catalog, unsigned type);

#endif
