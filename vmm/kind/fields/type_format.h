/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Formats a record for people and for programs, with the names of its fields. If they are not known, it gives the
 * record's words in hexadecimal and the reason.
 */
#ifndef VMM_TYPE_FORMAT_H
#define VMM_TYPE_FORMAT_H

#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "kind/fields/type_catalog.h"

/*
 * Prints the metadata of a frame to `out`, each line after `indent`. The type is an index into the catalog, or -1 if it
 * is none of them. All output is printable ASCII. A last line names the fields that may change while the frame is
 * shared.
 */
void type_format_text(FILE *out, const struct type_catalog *catalog, int type, const void *record,
		      const char *indent);

/*
 * The same as {"fields": {NAME: VALUE, ...}, "shared_fields": [NAME, ...]} or {"words": ["0x...", ...], "unknown": REASON}.
 * The declaration of a field decides its JSON type: an enumeration is a text, the name of its value or the number if it has
 * none; a pointer and an integer of more than 32 bits are texts in hexadecimal, narrower ones are numbers; what is no
 * number is a text, of characters or of bytes in hexadecimal. Returns NULL if memory ran out.
 */
json *type_format_json(const struct type_catalog *catalog, int type, const void *record);

/* The value of one field in the form of type_format_json; the fields of its type must be known. */
json *type_format_value(const struct type_catalog *catalog, const struct type_field *field,
			const void *record);

/*
 * The same for people, as type_format_text has it: pointers and unsigned words of 64 bits in hexadecimal, other numbers in
 * decimal. Printable, and cut to `size` bytes.
 */
void type_format_value_text(char *text, size_t size, const struct type_catalog *catalog,
			    const struct type_field *field, const void *record);

/* The fields of a type, a line for each: name, kind, offset, size. */
void type_format_fields_text(FILE *out, const struct type_catalog *catalog, unsigned type,
			     const char *indent);
json *type_format_layout_json(const struct type_catalog *catalog, unsigned type);

#endif
