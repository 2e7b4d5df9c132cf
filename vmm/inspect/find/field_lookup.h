/* SPDX-License-Identifier: MPL-2.0 */
/* The fields of a guest's metadata types for expressions: a struct field_resolver over a catalog. */
#ifndef VMM_FIELD_LOOKUP_H
#define VMM_FIELD_LOOKUP_H

#include "inspect/find/expression.h"
#include "kind/fields/type_catalog.h"

#define LOOKUP_FIELDS_MAX (EXPRESSION_FIELDS_MAX * FRAME_TYPES_MAX)

/* The fields of an expression; a handle is an index of one. */
struct field_lookup {
	const struct type_catalog *catalog;
	unsigned count;
	struct type_field fields[LOOKUP_FIELDS_MAX];
};

/*
 * A resolver for one expression_compile. `lookup` and the catalog must stay in place for as long as the compiled
 * expression is evaluated. Fields that are not numbers are not found. If the catalog knows no fields, the resolver
 * passes on its reason.
 */
struct field_resolver field_lookup_resolver(struct field_lookup *lookup,
					    const struct type_catalog *catalog);

#endif
