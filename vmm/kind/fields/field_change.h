/* SPDX-License-Identifier: MPL-2.0 */
/* The differences between a frame's metadata at two moments, by field name. */
#ifndef VMM_FIELD_CHANGE_H
#define VMM_FIELD_CHANGE_H

#include <stdint.h>

#include "base/json.h"
#include "kind/fields/type_catalog.h"

/* A field, an element of an array, or a word of a record whose fields are not known. */
struct field_change {
	const char *name;
	const struct type_catalog *catalog;
	const struct type_field *field; /* NULL: a word */
	unsigned word;
	const void *before; /* the record; NULL: there is nothing to compare with */
	const void *now;
};

/* Called for each of them, in layout order. */
typedef void field_change_fn(void *own, const struct field_change *change);

/* Its value in one of the two records: in the form of type_format_json, or as type_format_value_text. */
json *field_change_json(const struct field_change *change, const void *record);
void field_change_text(char *text, size_t size, const struct field_change *change,
		       const void *record);

/*
 * Reports the fields of a type (an index into the catalog, or -1) that differ between two copies of a record; all
 * fields if `before` is NULL. If the fields are not known, it reports words, named "word[0]" and so on.
 */
void field_changes(const struct type_catalog *catalog, int type, const void *before,
		   const void *now, field_change_fn *found, void *own);

#endif
