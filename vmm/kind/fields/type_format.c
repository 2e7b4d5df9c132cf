/* SPDX-License-Identifier: MPL-2.0 */
/* A record with the names of its fields: see type_format.h. */
#include "kind/fields/type_format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kind/fields/type_text.h"

#define TEXT_MAX   16384
#define NAME_WIDTH 24 /* of a field, at least */

static const char *unknown_reason(const struct type_catalog *catalog, int type)
{
	if (type < 0 || (unsigned)type >= catalog->count)
		return catalog->wild.text;
	return type_catalog_unknown(catalog, (unsigned)type);
}

static char printable(char character)
{
	return character >= ' ' && character <= '~' ? character : '?';
}

static void put_lines(FILE *out, const char *text, const char *indent)
{
	fputs(indent, out);
	for (; *text; text++) {
		if (*text == '\n')
			fprintf(out, "\n%s", indent);
		else
			fputc(printable(*text), out);
	}
	fputc('\n', out);
}

/* Prints to memory first: a guest's BTF may ask for more than TEXT_MAX bytes, the rest of which is cut. 0 or -errno. */
static int put_record(FILE *out, const struct type_catalog *catalog, int type, const void *record,
		      const char *indent)
{
	char text[TEXT_MAX + 1] = "";
	FILE *memory = fmemopen(text, TEXT_MAX, "w");
	int result;

	if (!memory)
		return -errno;
	result = type_text_print(memory, catalog, &catalog->layouts[type], record);
	fclose(memory);
	if (result == 0)
		put_lines(out, text, indent);
	return result;
}

static void put_words(FILE *out, const struct type_catalog *catalog, const void *record,
		      const char *why, const char *indent)
{
	fprintf(out, "%s(%s)\n", indent, why);
	for (unsigned i = 0; i < type_catalog_words(catalog); i++)
		fprintf(out, "%s%2zu: 0x%016" PRIx64 "\n", indent, i * sizeof(uint64_t),
			record_word(record, i));
}

static void put_shared(FILE *out, const struct type_layout *layout, const char *indent)
{
	const char *separator = "(may change while shared: ";
	bool is_any = false;

	for (unsigned i = 0; i < layout->field_count; i++) {
		if (!layout->fields[i].is_shared)
			continue;
		fprintf(out, "%s%s%s", is_any ? "" : indent, separator, layout->fields[i].name);
		separator = ", ";
		is_any = true;
	}
	if (is_any)
		fputs(")\n", out);
}

void type_format_text(FILE *out, const struct type_catalog *catalog, int type, const void *record,
		      const char *indent)
{
	const char *why = unknown_reason(catalog, type);

	if (!why && put_record(out, catalog, type, record, indent) < 0)
		why = "the type cannot be printed";
	if (why)
		put_words(out, catalog, record, why, indent);
	else
		put_shared(out, &catalog->layouts[type], indent);
}

static json *text_json(const char *bytes, size_t size)
{
	char text[FRAME_RECORD_MAX + 1];
	size_t length = strnlen(bytes, size);

	for (size_t i = 0; i < length; i++)
		text[i] = printable(bytes[i]);
	text[length] = '\0';
	return json_text(text);
}

static json *bytes_json(const uint8_t *bytes, size_t size)
{
	char text[2 * FRAME_RECORD_MAX + 1] = "";

	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return json_text(text);
}

/* The name of an enumeration's value; its number, if it has none: the declaration decides that it is a text. */
static json *enum_json(const struct type_catalog *catalog, const struct type_field *field,
		       uint64_t value)
{
	const char *name = type_field_enum_name(catalog->btf, field, value);
	char text[32];

	if (name)
		return json_text(name);
	snprintf(text, sizeof(text), field->is_signed ? "%" PRId64 : "%" PRIu64, value);
	return json_text(text);
}

/* Of more than 32 bits every one counts: it may be an address. */
static bool is_wide(const struct type_field *field)
{
	unsigned bits = field->bits ? field->bits : 8U * field->size;

	return field->kind == FIELD_POINTER || bits > 32;
}

static json *number_json(const struct type_catalog *catalog, const struct type_field *field,
			 uint64_t value)
{
	if (field->kind == FIELD_ENUM)
		return enum_json(catalog, field, value);
	if (field->kind == FIELD_BOOL)
		return json_flag(value != 0);
	if (is_wide(field))
		return json_hex(value);
	return type_field_is_signed(field) ? json_signed_number((int64_t)value)
					   : json_number(value);
}

json *type_format_value(const struct type_catalog *catalog, const struct type_field *field,
			const void *record)
{
	const uint8_t *bytes = (const uint8_t *)record + field->offset;
	uint64_t value;

	if (type_field_value(field, record, &value))
		return number_json(catalog, field, value);
	if (field->kind == FIELD_TEXT)
		return text_json((const char *)bytes, field->size);
	if (field->kind == FIELD_OTHER)
		return bytes_json(bytes, field->size);

	json *array = json_object_new_array();

	for (unsigned i = 0; array && i < field->elements; i++) {
		struct type_field element = type_field_element(field, i);

		type_field_value(&element, record, &value);
		json_object_array_add(array, number_json(catalog, &element, value));
	}
	return array;
}

void type_format_value_text(char *text, size_t size, const struct type_catalog *catalog,
			    const struct type_field *field, const void *record)
{
	FILE *memory = fmemopen(text, size, "w");

	text[0] = '\0';
	if (!memory)
		return;
	type_text_print_value(memory, catalog, field, record);
	fclose(memory);
	text[size - 1] = '\0';
	for (; *text; text++)
		*text = printable(*text);
}

static void add_words(json *object, const struct type_catalog *catalog, const void *record,
		      const char *why)
{
	json *words = json_object_new_array();

	for (unsigned i = 0; words && i < type_catalog_words(catalog); i++)
		json_object_array_add(words, json_hex(record_word(record, i)));
	json_add(object, "words", words);
	json_add_text(object, "unknown", why);
}

json *type_format_json(const struct type_catalog *catalog, int type, const void *record)
{
	const char *why = unknown_reason(catalog, type);
	json *object = json_object_new_object();

	if (!object)
		return NULL;
	if (why) {
		add_words(object, catalog, record, why);
		return object;
	}

	const struct type_layout *layout = &catalog->layouts[type];
	json *fields = json_object_new_object(), *shared = json_object_new_array();

	json_add(object, "fields", fields);
	json_add(object, "shared_fields", shared);
	for (unsigned i = 0; fields && shared && i < layout->field_count; i++) {
		const struct type_field *field = &layout->fields[i];

		json_add(fields, field->name, type_format_value(catalog, field, record));
		if (field->is_shared)
			json_object_array_add(shared, json_text(field->name));
	}
	return object;
}

void type_format_fields_text(FILE *out, const struct type_catalog *catalog, unsigned type,
			     const char *indent)
{
	const char *why = type_catalog_unknown(catalog, type);
	const struct type_layout *layout = &catalog->layouts[type];
	size_t width = NAME_WIDTH;

	for (unsigned i = 0; i < layout->field_count; i++)
		if (strlen(layout->fields[i].name) > width)
			width = strlen(layout->fields[i].name);
	if (why)
		fprintf(out, "%s(%s)\n", indent, why);
	for (unsigned i = 0; i < layout->field_count; i++) {
		const struct type_field *field = &layout->fields[i];

		fprintf(out, "%s%-*s %2u %2u  %s", indent, (int)width, field->name, field->offset,
			field->size, field_kind_name(field->kind));
		if (field->kind == FIELD_ARRAY)
			fprintf(out, " of %u %s", field->elements,
				field_kind_name(field->element_kind));
		if (field->bits)
			fprintf(out, ", bits %u to %u", field->first_bit,
				field->first_bit + field->bits - 1U);
		fprintf(out, "%s\n", field->is_shared ? ", changes while shared" : "");
	}
}

static json *field_json(const struct type_field *field)
{
	json *object = json_object_new_object();

	json_add_text(object, "field", field->name);
	json_add_text(object, "field_kind", field_kind_name(field->kind));
	json_add_number(object, "offset_bytes", field->offset);
	json_add_number(object, "size_bytes", field->size);
	if (field->bits) {
		json_add_number(object, "first_bit", field->first_bit);
		json_add_number(object, "bits", field->bits);
	}
	if (field->kind == FIELD_ARRAY) {
		json_add_number(object, "elements", field->elements);
		json_add_text(object, "element_kind", field_kind_name(field->element_kind));
	}
	json_add_flag(object, "changes_while_shared", field->is_shared);
	return object;
}

json *type_format_layout_json(const struct type_catalog *catalog, unsigned type)
{
	const struct type_layout *layout = &catalog->layouts[type];
	json *array = json_object_new_array();

	for (unsigned i = 0; array && i < layout->field_count; i++)
		json_object_array_add(array, field_json(&layout->fields[i]));
	return array;
}
