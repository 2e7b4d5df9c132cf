/* SPDX-License-Identifier: MPL-2.0 */
/* Fields that differ: see field_change.h. */
#include "kind/fields/field_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kind/fields/type_format.h"

#define WORD_TEXT_SIZE    24
#define ELEMENT_NAME_SIZE (TYPE_FIELD_NAME_MAX + 16)

struct comparison {
	const struct type_catalog *catalog;
	const void *before; /* NULL: nothing to compare with */
	const void *now;
	field_change_fn *found;
	void *own;
};

/* Numbers differ by their values, because a bit-field shares its bytes with others; anything else by its bytes. */
static bool differs(const struct comparison *compared, const struct type_field *field)
{
	uint64_t old, new;

	if (!compared->before)
		return true;
	if (type_field_value(field, compared->before, &old) &&
	    type_field_value(field, compared->now, &new))
		return old != new;
	return memcmp((const uint8_t *)compared->before + field->offset,
		      (const uint8_t *)compared->now + field->offset, field->size) != 0;
}

json *field_change_json(const struct field_change *change, const void *record)
{
	return change->field ? type_format_value(change->catalog, change->field, record)
			     : json_hex(record_word(record, change->word));
}

void field_change_text(char *text, size_t size, const struct field_change *change,
		       const void *record)
{
	if (change->field)
		type_format_value_text(text, size, change->catalog, change->field, record);
	else
		snprintf(text, size, "0x%" PRIx64, record_word(record, change->word));
}

static void compare_field(const struct comparison *compared, const struct type_field *field,
			  const char *name)
{
	const struct field_change change = {.name = name,
					    .catalog = compared->catalog,
					    .field = field,
					    .before = compared->before,
					    .now = compared->now};

	if (differs(compared, field))
		compared->found(compared->own, &change);
}

/* Reports the elements of an array that changed, but a new array as a whole. */
static void compare_array(const struct comparison *compared, const struct type_field *array)
{
	char name[ELEMENT_NAME_SIZE];

	if (!compared->before) {
		compare_field(compared, array, array->name);
		return;
	}
	for (unsigned i = 0; i < array->elements; i++) {
		struct type_field element = type_field_element(array, i);

		snprintf(name, sizeof(name), "%s[%u]", array->name, i);
		compare_field(compared, &element, name);
	}
}

static void compare_words(const struct comparison *compared)
{
	char name[WORD_TEXT_SIZE];

	for (unsigned i = 0; i < type_catalog_words(compared->catalog); i++) {
		const struct field_change change = {.name = name,
						    .catalog = compared->catalog,
						    .word = i,
						    .before = compared->before,
						    .now = compared->now};

		if (compared->before &&
		    record_word(compared->before, i) == record_word(compared->now, i))
			continue;
		snprintf(name, sizeof(name), "word[%u]", i);
		compared->found(compared->own, &change);
	}
}

void field_changes(const struct type_catalog *catalog, int type, const void *before,
		   const void *now, field_change_fn *found, void *own)
{
	const struct comparison compared = {catalog, before, now, found, own};

	if (type < 0 || (unsigned)type >= catalog->count ||
	    type_catalog_unknown(catalog, (unsigned)type)) {
		compare_words(&compared);
		return;
	}
	const struct type_layout *layout = &catalog->layouts[type];

	for (unsigned i = 0; i < layout->field_count; i++) {
		if (layout->fields[i].kind == FIELD_ARRAY)
			compare_array(&compared, &layout->fields[i]);
		else
			compare_field(&compared, &layout->fields[i], layout->fields[i].name);
	}
}
