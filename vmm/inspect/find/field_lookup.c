/* SPDX-License-Identifier: MPL-2.0 */
/* Fields for expressions: see field_lookup.h. */
#include "inspect/find/field_lookup.h"

static int resolve(void *own, unsigned type, const char *name)
{
	struct field_lookup *lookup = own;
	struct type_field *field = &lookup->fields[lookup->count];
	const uint8_t zeroes[FRAME_RECORD_MAX] = {0};
	uint64_t value;

	if (type >= lookup->catalog->count || lookup->count == LOOKUP_FIELDS_MAX)
		return -1;
	if (!type_layout_find(&lookup->catalog->layouts[type], name, field) ||
	    !type_field_value(field, zeroes, &value))
		return -1;
	return (int)lookup->count++;
}

static bool read_field(void *own, int handle, const void *record, expression_number *value)
{
	const struct field_lookup *lookup = own;
	const struct type_field *field = &lookup->fields[handle];
	uint64_t bits;

	if (!type_field_value(field, record, &bits))
		return false;
	if (type_field_is_signed(field))
		*value = (int64_t)bits;
	else
		*value = bits;
	return true;
}

struct field_resolver field_lookup_resolver(struct field_lookup *lookup,
					    const struct type_catalog *catalog)
{
	lookup->catalog = catalog;
	lookup->count = 0;
	return (struct field_resolver){.own = lookup,
				       .why = catalog->btf ? NULL : catalog->why.text,
				       .resolve = resolve,
				       .read = read_field};
}
