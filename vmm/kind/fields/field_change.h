/* SPDX-License-Identifier: MPL-2.0 */
/* What differs between the metadata of a frame at two moments, by the names of the fields. */
#ifndef VMM_FIELD_CHANGE_H
#define VMM_FIELD_CHANGE_H

#include <stdint.h>

#include "base/json.h"
#include "kind/fields/type_catalog.h"

/*
 * What is called for each field, or element of an array, in the order of the layout: its name and its values as
 * type_format_json has them, `before` NULL where there is nothing to compare with. Both go away afterwards.
 */
typedef void field_change_fn(void *own, const char *name, struct json_object *before,
			     struct json_object *now);

/*
 * The fields of a type (an index into the catalog, or -1) that differ between two copies of a record; all of
 * them when `before` is NULL. Where the fields are not known they are words, by the names "word[0]" and so on.
 */
void field_changes(const struct type_catalog *catalog, int type, const void *before,
		   const void *now, field_change_fn *found, void *own);

#endif
