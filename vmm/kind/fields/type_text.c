/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A record as a C initializer: see type_text.h. Walks the BTF for the nesting and takes the layout's fields one after
 * the other for the values, in the order in which type_layout.c added them. libbpf could print records, too, but it
 * ignores the sign of bit-fields.
 */
#include "kind/fields/type_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <bpf/btf.h>

#define INDENT_WIDTH 4

struct printer {
	FILE *out;
	const struct btf *btf;
	struct btf_dump *dump; /* prints the names of types */
	const struct type_layout *layout;
	const void *record;
	unsigned next; /* the field to print next */
};

__attribute__((format(printf, 2, 0))) static void put_name(void *context, const char *format,
							   va_list args)
{
	vfprintf(((struct printer *)context)->out, format, args);
}

static void put_indent(const struct printer *p, unsigned depth)
{
	fprintf(p->out, "%*s", (int)(depth * INDENT_WIDTH), "");
}

static uint32_t strip_qualifiers(const struct btf *btf, uint32_t id)
{
	while (btf_is_mod(btf__type_by_id(btf, id)))
		id = btf__type_by_id(btf, id)->type;
	return id;
}

static uint32_t strip(const struct btf *btf, uint32_t id)
{
	id = strip_qualifiers(btf, id);
	while (btf_is_typedef(btf__type_by_id(btf, id)))
		id = strip_qualifiers(btf, btf__type_by_id(btf, id)->type);
	return id;
}

/* The name of a type; of an anonymous struct or union without its members, which follow anyway. */
static void put_type(struct printer *p, uint32_t id)
{
	const struct btf_type *type;

	id = strip_qualifiers(p->btf, id);
	type = btf__type_by_id(p->btf, id);
	if (btf_is_array(type)) {
		put_type(p, btf_array(type)->type);
		fprintf(p->out, "[%" PRIu32 "]", btf_array(type)->nelems);
	} else if (btf_is_composite(type)) {
		const char *name = btf__name_by_offset(p->btf, type->name_off);

		fprintf(p->out, "%s%s%s", btf_is_union(type) ? "union" : "struct", *name ? " " : "",
			name);
	} else if (btf_is_any_enum(type) && type->name_off == 0) {
		fputs("enum", p->out);
	} else {
		btf_dump__emit_type_decl(p->dump, id, NULL);
	}
}

/* Pointers, and whole words without a sign: most are addresses, and the others lose nothing. */
static bool is_hexadecimal(const struct type_field *field)
{
	return field->kind == FIELD_POINTER ||
	       (field->kind == FIELD_UNSIGNED && !field->bits && field->size == sizeof(uint64_t));
}

static void put_number(FILE *out, const struct btf *btf, const struct type_field *field,
		       const void *record)
{
	const char *name;
	uint64_t value = 0;

	type_field_value(field, record, &value);
	name = type_field_enum_name(btf, field, value);
	if (name)
		fputs(name, out);
	else if (is_hexadecimal(field))
		fprintf(out, "0x%" PRIx64, value);
	else if (type_field_is_signed(field))
		fprintf(out, "%" PRId64, (int64_t)value);
	else
		fprintf(out, "%" PRIu64, value);
}

/* A float or a double; anything else that is wider than a word as one hexadecimal number. */
static void put_bytes(FILE *out, const struct btf *btf, const struct type_field *field,
		      const void *record)
{
	const uint8_t *bytes = (const uint8_t *)record + field->offset;
	bool is_float = btf_is_float(btf__type_by_id(btf, field->type_id));
	float single;
	double number;

	if (is_float && field->size == sizeof(single)) {
		memcpy(&single, bytes, sizeof(single));
		fprintf(out, "%g", (double)single);
		return;
	}
	if (is_float && field->size == sizeof(number)) {
		memcpy(&number, bytes, sizeof(number));
		fprintf(out, "%g", number);
		return;
	}
	fputs("0x", out);
	for (unsigned i = field->size; i > 0; i--)
		fprintf(out, "%02x", bytes[i - 1]);
}

/* Without quotes. */
static void put_text(FILE *out, const struct type_field *field, const void *record)
{
	const char *bytes = (const char *)record + field->offset;

	fwrite(bytes, 1, strnlen(bytes, field->size), out);
}

void type_text_print_value(FILE *out, const struct type_catalog *catalog,
			   const struct type_field *field, const void *record)
{
	switch (field->kind) {
	case FIELD_OTHER:
		put_bytes(out, catalog->btf, field, record);
		break;
	case FIELD_TEXT:
		put_text(out, field, record);
		break;
	case FIELD_ARRAY:
		for (unsigned i = 0; i < field->elements; i++) {
			struct type_field element = type_field_element(field, i);

			fputs(i ? ", " : "[", out);
			put_number(out, catalog->btf, &element, record);
		}
		fputs("]", out);
		break;
	default:
		put_number(out, catalog->btf, field, record);
	}
}

/* A text ends at its NUL; its elements are characters where they can be printed. */
static void put_elements(const struct printer *p, const struct type_field *array, unsigned depth)
{
	bool is_text = array->kind == FIELD_TEXT;

	for (unsigned i = 0; i < array->elements; i++) {
		struct type_field element = type_field_element(array, i);
		uint64_t value = 0;

		type_field_value(&element, p->record, &value);
		if (is_text && value == 0)
			break;
		put_indent(p, depth);
		if (is_text && value >= ' ' && value <= '~')
			fprintf(p->out, "'%c'", (char)value);
		else
			put_number(p->out, p->btf, &element, p->record);
		fputs(",\n", p->out);
	}
}

static int put_leaf(struct printer *p, unsigned depth)
{
	const struct type_field *field;

	if (p->next == p->layout->field_count)
		return -EPROTO;
	field = &p->layout->fields[p->next++];
	if (field->kind == FIELD_OTHER) {
		put_bytes(p->out, p->btf, field, p->record);
	} else if (field->kind == FIELD_ARRAY || field->kind == FIELD_TEXT) {
		fputs("[\n", p->out);
		put_elements(p, field, depth + 1);
		put_indent(p, depth);
		fputc(']', p->out);
	} else {
		put_number(p->out, p->btf, field, p->record);
	}
	return 0;
}

static int put_value(struct printer *p, uint32_t id, unsigned depth, bool has_type);

static int put_members(struct printer *p, const struct btf_type *type, unsigned depth,
		       bool has_type)
{
	const struct btf_member *members = btf_members(type);
	int result = 0;

	fputs("{\n", p->out);
	for (uint32_t i = 0; result == 0 && i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(p->btf, members[i].name_off);

		put_indent(p, depth + 1);
		if (*name)
			fprintf(p->out, ".%s = ", name);
		result = put_value(p, members[i].type, depth + 1, has_type);
		fputs(",\n", p->out);
	}
	put_indent(p, depth);
	fputc('}', p->out);
	return result;
}

static int put_array(struct printer *p, const struct btf_array *array, unsigned depth)
{
	const struct btf_type *type = btf__type_by_id(p->btf, strip(p->btf, array->type));
	int result = 0;

	/* An array of numbers is one field. */
	if (array->nelems > 0 && (btf_is_int(type) || btf_is_any_enum(type) || btf_is_ptr(type)))
		return put_leaf(p, depth);
	fputs("[\n", p->out);
	for (uint32_t i = 0; result == 0 && i < array->nelems; i++) {
		put_indent(p, depth + 1);
		result = put_value(p, array->type, depth + 1, false);
		fputs(",\n", p->out);
	}
	put_indent(p, depth);
	fputc(']', p->out);
	return result;
}

/* Elements of an array, and the members in them, have no types: the array's says them. */
static int put_value(struct printer *p, uint32_t id, unsigned depth, bool has_type)
{
	const struct btf_type *type = btf__type_by_id(p->btf, strip(p->btf, id));

	if (has_type) {
		fputc('(', p->out);
		put_type(p, id);
		fputc(')', p->out);
	}
	if (btf_is_composite(type))
		return put_members(p, type, depth, has_type);
	if (btf_is_array(type))
		return put_array(p, btf_array(type), depth);
	return put_leaf(p, depth);
}

int type_text_print(FILE *out, const struct type_catalog *catalog, const struct type_layout *layout,
		    const void *record)
{
	struct printer printer = {
		.out = out, .btf = catalog->btf, .layout = layout, .record = record};
	int result;

	printer.dump = btf_dump__new(catalog->btf, put_name, &printer, NULL);
	if (!printer.dump)
		return -ENOMEM;
	result = put_value(&printer, layout->type_id, 0, true);
	btf_dump__free(printer.dump);
	return result;
}
