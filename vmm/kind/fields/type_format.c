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

#define TEXT_MAX 16384

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

static struct json_object *hex_json(uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_object_new_string(text);
}

static struct json_object *text_json(const char *bytes, size_t size)
{
	char text[FRAME_RECORD_MAX + 1];
	size_t length = strnlen(bytes, size);

	for (size_t i = 0; i < length; i++)
		text[i] = printable(bytes[i]);
	return json_object_new_string_len(text, (int)length);
}

static struct json_object *bytes_json(const uint8_t *bytes, size_t size)
{
	char text[2 * FRAME_RECORD_MAX + 1] = "";

	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return json_object_new_string(text);
}

static struct json_object *number_json(const struct type_catalog *catalog,
				       const struct type_field *field, uint64_t value)
{
	const char *name = type_field_enum_name(catalog->btf, field, value);

	if (name)
		return json_object_new_string(name);
	if (field->kind == FIELD_POINTER)
		return hex_json(value);
	if (field->kind == FIELD_BOOL && value <= 1)
		return json_object_new_boolean(value != 0);
	if (type_field_is_signed(field))
		return json_object_new_int64((int64_t)value);
	return json_object_new_uint64(value);
}

struct json_object *type_format_value(const struct type_catalog *catalog,
				      const struct type_field *field, const void *record)
{
	const uint8_t *bytes = (const uint8_t *)record + field->offset;
	uint64_t value;

	if (type_field_value(field, record, &value))
		return number_json(catalog, field, value);
	if (field->kind == FIELD_TEXT)
		return text_json((const char *)bytes, field->size);
	if (field->kind == FIELD_OTHER)
		return bytes_json(bytes, field->size);

	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; array && i < field->elements; i++) {
		struct type_field element = type_field_element(field, i);

		type_field_value(&element, record, &value);
		json_object_array_add(array, number_json(catalog, &element, value));
	}
	return array;
}

static void add_words(struct json_object *object, const struct type_catalog *catalog,
		      const void *record, const char *why)
{
	struct json_object *words = json_object_new_array();

	for (unsigned i = 0; words && i < type_catalog_words(catalog); i++)
		json_object_array_add(words, hex_json(record_word(record, i)));
	json_object_object_add(object, "words", words);
	json_object_object_add(object, "unknown", json_object_new_string(why));
}

struct json_object *type_format_json(const struct type_catalog *catalog, int type,
				     const void *record)
{
	const char *why = unknown_reason(catalog, type);
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	if (why) {
		add_words(object, catalog, record, why);
		return object;
	}

	const struct type_layout *layout = &catalog->layouts[type];
	struct json_object *fields = json_object_new_object();
	struct json_object *shared = json_object_new_array();

	json_object_object_add(object, "fields", fields);
	json_object_object_add(object, "shared", shared);
	for (unsigned i = 0; fields && shared && i < layout->field_count; i++) {
		const struct type_field *field = &layout->fields[i];

		json_object_object_add(fields, field->name,
				       type_format_value(catalog, field, record));
		if (field->is_shared)
			json_object_array_add(shared, json_object_new_string(field->name));
	}
	return object;
}

void type_format_fields_text(FILE *out, const struct type_catalog *catalog, unsigned type,
			     const char *indent)
{
	const char *why = type_catalog_unknown(catalog, type);
	const struct type_layout *layout = &catalog->layouts[type];

	if (why)
		fprintf(out, "%s(%s)\n", indent, why);
	for (unsigned i = 0; i < layout->field_count; i++) {
		const struct type_field *field = &layout->fields[i];

		fprintf(out, "%s%-24s %2u %2u  %s", indent, field->name, field->offset, field->size,
			field_kind_name(field->kind));
		if (field->kind == FIELD_ARRAY)
			fprintf(out, " of %u %s", field->elements,
				field_kind_name(field->element_kind));
		if (field->bits)
			fprintf(out, ", bits %u to %u", field->first_bit,
				field->first_bit + field->bits - 1U);
		fprintf(out, "%s\n", field->is_shared ? ", changes while shared" : "");
	}
}

static struct json_object *field_json(const struct type_field *field)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(field->name));
	json_object_object_add(object, "kind",
			       json_object_new_string(field_kind_name(field->kind)));
	json_object_object_add(object, "offset", json_object_new_int(field->offset));
	json_object_object_add(object, "size", json_object_new_int(field->size));
	if (field->bits) {
		json_object_object_add(object, "first_bit", json_object_new_int(field->first_bit));
		json_object_object_add(object, "bits", json_object_new_int(field->bits));
	}
	if (field->kind == FIELD_ARRAY) {
		json_object_object_add(object, "elements", json_object_new_int(field->elements));
		json_object_object_add(
			object, "element_kind",
			json_object_new_string(field_kind_name(field->element_kind)));
	}
	json_object_object_add(object, "shared", json_object_new_boolean(field->is_shared));
	return object;
}

struct json_object *type_format_fields_json(const struct type_catalog *catalog, unsigned type)
{
	const struct type_layout *layout = &catalog->layouts[type];
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; array && i < layout->field_count; i++)
		json_object_array_add(array, field_json(&layout->fields[i]));
	return array;
}
