/* SPDX-License-Identifier: MPL-2.0 */
/* Prints a record as a C initializer, or one value of it. The values come from the fields of its type's layout, as in JSON. */
#ifndef VMM_TYPE_TEXT_H
#define VMM_TYPE_TEXT_H

#include <stdio.h>

#include "kind/fields/type_catalog.h"

/*
 * Prints a record of a type that the catalog knows, without a newline at its end. The text is as the BTF has it: names
 * are not checked for control characters. Returns 0, -ENOMEM, or -EPROTO if BTF and layout differ.
 */
int type_text_print(FILE *out, const struct type_catalog *catalog, const struct type_layout *layout,
		    const void *record);

/* Prints one field, or an element of an array, in one line and as type_text_print does: the same number is the same text. */
void type_text_print_value(FILE *out, const struct type_catalog *catalog,
			   const struct type_field *field, const void *record);

#endif
