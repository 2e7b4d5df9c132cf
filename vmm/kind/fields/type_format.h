/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A record for people and for programs, with the names of its fields; where they are not
 * known, its words in hexadecimal and the reason.
 */
#ifndef VMM_TYPE_FORMAT_H
#define VMM_TYPE_FORMAT_H

#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "kind/fields/type_catalog.h"

/*
 * Prints the metadata of a frame of a type (an index into the catalog, or -1 when it is none of
 * them) to `out`, each line behind `indent`. All of it is printable ASCII. A last line names the
 * fields that may change while the frame is shared.
 */
void type_format_text(FILE *out, const struct type_catalog *catalog, int type, const void *record,
		      const char *indent);

/*
 * The same as {"fields": {NAME: VALUE, ...}, "shared": [NAME, ...]} or
 * {"words": ["0x...", ...], "unknown": REASON}. Numbers are numbers; an enumeration's value is its
 * name if it has one, a pointer a text in hexadecimal. Returns NULL when memory ran out.
 */
struct json_object *type_format_json(const struct type_catalog *catalog, int type,
				     const void *record);

/* The value of one field of a type whose fields are known, as it stands there. */
struct json_object *type_format_value(const struct type_catalog *catalog,
				      const struct type_field *field, const void *record);

/* What fields a type has, a line for each: name, kind, offset, size. */
void type_format_fields_text(FILE *out, const struct type_catalog *catalog, unsigned type,
			     const char *indent);
struct json_object *type_format_fields_json(const struct type_catalog *catalog, unsigned type);

#endif
