/* SPDX-License-Identifier: MPL-2.0 */
/* The differences between a frame's metadata at two moments, by field name. */
#ifndef VMM_FIELD_CHANGE_H
#define VMM_FIELD_CHANGE_H

#include <stdint.h>

#include "base/json.h"
#include "kind/fields/type_catalog.h"

/*
 * Called for each field, or element of an array, in layout order, with its name and its values in the form of
 * type_format_json. `before` is NULL if there is nothing to compare with. Both are freed after the call.
 */
typedef void field_change_fn(void *own, const char *name, struct json_object *before,
			     struct json_object *now);

/*
 * Reports the fields of a type (an index into the catalog, or -1) that differ between two copies of a record; all
 * fields if `before` is NULL. If the fields are not known, it reports words, named "word[0]" and so on.
 */
void field_changes(const struct type_catalog *catalog, int type, const void *before,
		   const void *now, field_change_fn *found, void *own);

#endif
