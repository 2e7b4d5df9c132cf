/* SPDX-License-Identifier: MPL-2.0 */
/* The fields of a metadata type: see type_layout.h. */
#include "kind/fields/type_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#define MARKER_SIZE 128

/* A member that is being flattened to fields. */
struct place {
	char name[TYPE_FIELD_NAME_MAX];
	uint32_t type_id;
	uint32_t offset;
	bool is_shared;
};

struct builder {
	const struct btf *btf;
	struct type_layout *layout;
	const char *type; /* for messages */
	const struct type_marks *marks;
	struct error *err;
	unsigned steps; /* members and elements so far */
};

static int refuse(struct builder *b, const char *what, const char *where)
{
	return error_set(b->err, -EPROTO, "the metadata type %s %s%s%s", b->type, what,
			 *where ? ": " : "", where);
}

static bool is_wrapper(const struct btf_type *type)
{
	return btf_is_typedef(type) || btf_is_mod(type);
}

/* The type behind typedefs and qualifiers. Sets *is_shared if one of these marks it as shared. */
static uint32_t strip(const struct builder *b, uint32_t id, bool *is_shared)
{
	const struct btf_type *type = btf__type_by_id(b->btf, id);

	while (id != 0 && is_wrapper(type)) {
		const char *name = btf__name_by_offset(b->btf, type->name_off);

		if (btf_is_typedef(type) && (strcmp(name, b->marks->shared_types[0]) == 0 ||
					     strcmp(name, b->marks->shared_types[1]) == 0))
			*is_shared = true;
		id = type->type;
		type = btf__type_by_id(b->btf, id);
	}
	return id;
}

static bool enum_is_signed(const struct btf_type *type)
{
	if (BTF_INFO_KFLAG(type->info))
		return true;
	/* Without kind_flag, as in older BTF, a negative value shows it: the values of an enum are signed words. */
	for (unsigned i = 0; btf_is_enum(type) && i < btf_vlen(type); i++)
		if (btf_enum(type)[i].val < 0)
			return true;
	return false;
}

static enum field_kind int_kind(const struct btf_type *type)
{
	if (type->size > sizeof(uint64_t))
		return FIELD_OTHER;
	if (btf_int_encoding(type) & BTF_INT_BOOL)
		return FIELD_BOOL;
	return btf_int_encoding(type) & BTF_INT_SIGNED ? FIELD_SIGNED : FIELD_UNSIGNED;
}

/* The kind of a type that is no struct, union or array. */
static enum field_kind scalar_kind(const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		return int_kind(type);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return FIELD_ENUM;
	case BTF_KIND_PTR:
		return FIELD_POINTER;
	default:
		return FIELD_OTHER;
	}
}

static bool is_char(const struct btf *btf, const struct btf_type *type)
{
	return btf_is_int(type) && type->size == 1 &&
	       strcmp(btf__name_by_offset(btf, type->name_off), "char") == 0;
}

static int add_field(struct builder *b, const struct place *place, const struct type_field *like)
{
	struct type_layout *layout = b->layout;
	struct type_field *fields;

	if (layout->field_count == TYPE_FIELDS_MAX)
		return refuse(b, "has too many fields", "");
	if (place->offset + like->size > layout->size)
		return refuse(b, "has a member outside of itself", place->name);
	fields = realloc(layout->fields, (layout->field_count + 1) * sizeof(*fields));
	if (!fields)
		return error_set(b->err, -ENOMEM, "no memory for the metadata types");
	layout->fields = fields;
	fields += layout->field_count++;
	*fields = *like;
	memcpy(fields->name, place->name, sizeof(fields->name));
	fields->offset = (uint16_t)place->offset;
	fields->is_shared = place->is_shared;
	return 0;
}

static int add_scalar(struct builder *b, const struct place *place)
{
	const struct btf_type *type = btf__type_by_id(b->btf, place->type_id);
	int64_t size = btf__resolve_size(b->btf, place->type_id);
	struct type_field field = {.type_id = place->type_id, .elements = 1};

	if (size <= 0 || size > FRAME_RECORD_MAX)
		return refuse(b, "has a member of a strange size", place->name);
	field.size = (uint16_t)size;
	field.kind = (uint8_t)scalar_kind(type);
	field.element_kind = field.kind;
	field.is_signed = btf_is_any_enum(type) && enum_is_signed(type);
	return add_field(b, place, &field);
}

static int add_bit_field(struct builder *b, const struct place *place, uint32_t first_bit,
			 uint32_t bits)
{
	const struct btf_type *type = btf__type_by_id(b->btf, place->type_id);
	struct type_field field = {
		.type_id = place->type_id,
		.elements = 1,
		.first_bit = (uint8_t)(first_bit % 8),
		.bits = (uint8_t)bits,
		.size = (uint16_t)((first_bit % 8 + bits + 7) / 8),
		.kind = (uint8_t)scalar_kind(type),
	};

	field.element_kind = field.kind;
	field.is_signed = btf_is_any_enum(type) && enum_is_signed(type);
	return add_field(b, place, &field);
}

static int add_place(struct builder *b, struct place *place);

static int extend_name(struct builder *b, struct place *inner, const struct place *outer,
		       const char *name)
{
	const char *dot = *outer->name && *name ? "." : "";
	int length = snprintf(inner->name, sizeof(inner->name), "%s%s%s", outer->name, dot, name);

	if (length >= (int)sizeof(inner->name))
		return refuse(b, "has a member with too long a name", outer->name);
	return 0;
}

static int add_members(struct builder *b, const struct place *place)
{
	const struct btf_type *type = btf__type_by_id(b->btf, place->type_id);
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(b->btf, members[i].name_off);
		uint32_t first_bit = btf_member_bit_offset(type, i);
		uint32_t bits = btf_member_bitfield_size(type, i);
		struct place inner = {.offset = place->offset + first_bit / 8,
				      .is_shared = place->is_shared};
		int result = extend_name(b, &inner, place, name);

		if (result < 0)
			return result;
		inner.type_id = members[i].type;
		if (bits) {
			inner.type_id = strip(b, inner.type_id, &inner.is_shared);
			result = add_bit_field(b, &inner, first_bit, bits);
		} else {
			result = add_place(b, &inner);
		}
		if (result < 0)
			return result;
	}
	return 0;
}

/* An array of numbers becomes one field; of char, a text. Of any other array, each element is added by itself. */
static int add_array(struct builder *b, const struct place *place)
{
	const struct btf_array *array = btf_array(btf__type_by_id(b->btf, place->type_id));
	bool is_shared = place->is_shared;
	uint32_t id = strip(b, array->type, &is_shared);
	const struct btf_type *type = btf__type_by_id(b->btf, id);
	int64_t size = btf__resolve_size(b->btf, id);
	struct place inner = *place;

	inner.is_shared = is_shared;
	if (array->nelems == 0)
		return 0;
	if (size < 0 || array->nelems > FRAME_RECORD_MAX || size * array->nelems > FRAME_RECORD_MAX)
		return refuse(b, "has an array of a strange size", place->name);
	if (btf_is_int(type) || btf_is_any_enum(type) || btf_is_ptr(type)) {
		struct type_field field = {.type_id = id,
					   .size = (uint16_t)(size * array->nelems),
					   .kind = FIELD_ARRAY,
					   .element_kind = (uint8_t)scalar_kind(type),
					   .elements = (uint16_t)array->nelems};

		if (is_char(b->btf, type))
			field.kind = FIELD_TEXT;
		if (field.element_kind == FIELD_OTHER)
			field.kind = FIELD_OTHER;
		field.is_signed = btf_is_any_enum(type) && enum_is_signed(type);
		return add_field(b, &inner, &field);
	}
	for (uint32_t i = 0; i < array->nelems; i++) {
		char name[16];

		snprintf(name, sizeof(name), "[%" PRIu32 "]", i);
		inner.type_id = id;
		inner.offset = place->offset + i * (uint32_t)size;
		if (strlen(place->name) + strlen(name) >= sizeof(inner.name))
			return refuse(b, "has a member with too long a name", place->name);
		snprintf(inner.name, sizeof(inner.name), "%.*s%s",
			 (int)(sizeof(inner.name) - sizeof(name)), place->name, name);

		int result = add_place(b, &inner);

		if (result < 0)
			return result;
	}
	return 0;
}

/* Adds whatever lies at a place. The recursion ends, because btf_check has bounded the depth. */
static int add_place(struct builder *b, struct place *place)
{
	/* Members without bytes give no fields, but there may be many of them. */
	if (++b->steps > TYPE_FIELDS_MAX)
		return refuse(b, "has too many members", "");
	place->type_id = strip(b, place->type_id, &place->is_shared);
	if (place->type_id == 0)
		return refuse(b, "has a member whose type BTF cannot express (_Atomic?)",
			      place->name);

	const struct btf_type *type = btf__type_by_id(b->btf, place->type_id);

	if (btf_is_composite(type))
		return add_members(b, place);
	if (btf_is_array(type))
		return add_array(b, place);
	return add_scalar(b, place);
}

static int build(struct builder *b)
{
	char marker[MARKER_SIZE];
	struct place place = {0};

	snprintf(marker, sizeof(marker), "%s%s", b->marks->prefix, b->type);

	int id = btf__find_by_name_kind(b->btf, marker, BTF_KIND_TYPEDEF);

	if (id <= 0)
		return error_set(b->err, -ENOENT,
				 "the guest's BTF does not have the metadata type %s", b->type);

	int64_t size = btf__resolve_size(b->btf, (uint32_t)id);

	if (size < 0 || size > b->marks->size_max)
		return refuse(b, "does not fit a slot", "");
	/* People know the type that META_TYPE named, not its marker. */
	b->layout->type_id = btf__type_by_id(b->btf, (uint32_t)id)->type;
	b->layout->size = (uint32_t)size;
	place.type_id = b->layout->type_id;

	bool is_shared = false;
	const struct btf_type *type = btf__type_by_id(b->btf, strip(b, place.type_id, &is_shared));

	/* A type that is a bare number has one field. */
	if (!btf_is_composite(type))
		strcpy(place.name, "value");
	return add_place(b, &place);
}

int type_layout_build(const struct btf *btf, const char *name, const struct type_marks *marks,
		      struct type_layout *layout, struct error *err)
{
	struct builder builder = {
		.btf = btf, .layout = layout, .type = name, .marks = marks, .err = err};

	*layout = (struct type_layout){0};

	int result = build(&builder);

	if (result < 0) {
		type_layout_destroy(layout);
		layout->unknown = *err;
	}
	return result;
}

void type_layout_destroy(struct type_layout *layout)
{
	free(layout->fields);
	*layout = (struct type_layout){0};
}

struct type_field type_field_element(const struct type_field *array, unsigned index)
{
	struct type_field element = *array;

	element.size = (uint16_t)(array->size / array->elements);
	element.offset = (uint16_t)(array->offset + index * element.size);
	element.kind = array->element_kind;
	element.elements = 1;
	return element;
}

static bool find_element(const struct type_field *array, const char *subscript,
			 struct type_field *field)
{
	char *end;
	unsigned long index;

	if (array->elements == 1 && array->kind != FIELD_ARRAY && array->kind != FIELD_TEXT)
		return false;
	if (subscript[1] < '0' || subscript[1] > '9')
		return false;
	index = strtoul(subscript + 1, &end, 10);
	if (strcmp(end, "]") != 0 || index >= array->elements)
		return false;
	*field = type_field_element(array, (unsigned)index);
	if (strlen(array->name) + strlen(subscript) < sizeof(field->name))
		strcat(field->name, subscript);
	return true;
}

bool type_layout_find(const struct type_layout *layout, const char *name, struct type_field *field)
{
	for (unsigned i = 0; i < layout->field_count; i++) {
		const struct type_field *candidate = &layout->fields[i];
		size_t length = strlen(candidate->name);

		if (strcmp(name, candidate->name) == 0) {
			*field = *candidate;
			return true;
		}
		if (strncmp(name, candidate->name, length) == 0 && name[length] == '[' &&
		    find_element(candidate, name + length, field))
			return true;
	}
	return false;
}

bool type_field_is_signed(const struct type_field *field)
{
	return field->kind == FIELD_SIGNED || (field->kind == FIELD_ENUM && field->is_signed);
}

bool type_field_value(const struct type_field *field, const void *storage, uint64_t *value)
{
	const uint8_t *bytes = (const uint8_t *)storage + field->offset;
	unsigned __int128 word = 0;
	unsigned bits = field->bits ? field->bits : field->size * 8U;

	if (field->kind > FIELD_POINTER)
		return false;
	/* A bit-field of 64 bits may begin within a byte: nine bytes hold it. */
	memcpy(&word, bytes, field->size);

	uint64_t result = (uint64_t)(word >> field->first_bit);

	if (bits < 64) {
		result &= (UINT64_C(1) << bits) - 1;
		if (type_field_is_signed(field) && result >> (bits - 1))
			result |= UINT64_MAX << bits;
	}
	*value = result;
	return true;
}

static uint64_t enum_value(const struct btf_type *type, unsigned index, bool is_signed)
{
	if (btf_is_enum64(type)) {
		const struct btf_enum64 *value = &btf_enum64(type)[index];

		return (uint64_t)value->val_hi32 << 32 | value->val_lo32;
	}

	int64_t value = btf_enum(type)[index].val;

	return is_signed ? (uint64_t)value : (uint32_t)value;
}

const char *type_field_enum_name(const struct btf *btf, const struct type_field *field,
				 uint64_t value)
{
	const struct btf_type *type = btf__type_by_id(btf, field->type_id);

	if (field->kind != FIELD_ENUM)
		return NULL;
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		uint32_t name = btf_is_enum64(type) ? btf_enum64(type)[i].name_off
						    : btf_enum(type)[i].name_off;

		if (enum_value(type, i, field->is_signed) == value)
			return btf__name_by_offset(btf, name);
	}
	return NULL;
}

const char *field_kind_name(enum field_kind kind)
{
	static const char *const names[] = {
		[FIELD_UNSIGNED] = "unsigned", [FIELD_SIGNED] = "signed",   [FIELD_BOOL] = "bool",
		[FIELD_ENUM] = "enum",         [FIELD_POINTER] = "pointer", [FIELD_TEXT] = "text",
		[FIELD_ARRAY] = "array",       [FIELD_OTHER] = "bytes",
	};
	return names[kind];
}
