/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The fields of a metadata type, as the guest's BTF describes them: where each lies in a record and how to read it.
 *
 * Nested members are flattened: "link.next", "entries[2].pa". An array of numbers stays one field,
 * and its elements have names, too: "words[2]". The members of a union share their bytes.
 */
#ifndef VMM_TYPE_LAYOUT_H
#define VMM_TYPE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/frame.h"

struct btf;

#define TYPE_FIELDS_MAX     256
#define TYPE_FIELD_NAME_MAX 160 /* with the NUL */

enum field_kind {
	FIELD_UNSIGNED,
	FIELD_SIGNED,
	FIELD_BOOL,
	FIELD_ENUM,
	FIELD_POINTER,
	FIELD_TEXT,  /* an array of char; ends at a NUL or at its last byte */
	FIELD_ARRAY, /* of one of the first five */
	FIELD_OTHER, /* bytes that are no number: a float, or wider than a word */
};

struct type_field {
	char name[TYPE_FIELD_NAME_MAX];
	uint32_t type_id; /* in the BTF; for an array, of its elements */
	uint16_t offset;  /* in bytes */
	uint16_t size; /* in bytes, of all elements; for a bit-field, of the bytes that hold it */
	uint8_t first_bit; /* of a bit-field, counted from offset */
	uint8_t bits;      /* of a bit-field, else 0 */
	uint8_t kind;
	uint8_t element_kind; /* of an array's elements; otherwise as kind */
	uint16_t elements;    /* of an array; otherwise 1 */
	bool is_signed;       /* of an enumeration */
	bool is_shared;       /* may change while the frame is shared: shared_u32, shared_u64 */
};

struct type_layout {
	uint32_t type_id; /* what META_TYPE named; 0: nothing is known */
	uint32_t size;
	unsigned field_count;
	struct type_field *fields;
	struct error unknown; /* why nothing is known */
};

/* How a kind's BTF marks metadata types. */
struct type_marks {
	const char *prefix; /* a typedef named by this and a type's name marks the type */
	const char
		*shared_types[2]; /* typedefs of words that may change while the frame is shared */
	uint32_t size_max;        /* bytes of a type at most */
};

/*
 * Builds the layout of the metadata type `name`, from BTF that has passed btf_check. Returns 0; -ENOENT if the BTF does
 * not have the type; -EPROTO for a type of more than marks->size_max bytes, or with a member that has no type; or
 * -ENOMEM. After an error `layout` is empty, and its `unknown` has the text, too.
 */
int type_layout_build(const struct btf *btf, const char *name, const struct type_marks *marks,
		      struct type_layout *layout, struct error *err);
void type_layout_destroy(struct type_layout *layout);

/* Finds a field, or an element of an array of numbers, by its dotted name. Returns false if there is none. */
bool type_layout_find(const struct type_layout *layout, const char *name, struct type_field *field);

/* Element `index` of an array, as a field of its own; index < array->elements. */
struct type_field type_field_element(const struct type_field *array, unsigned index);

/*
 * The value of a numeric field in a record, sign-extended if the field is signed. Returns false if the field is not a
 * number.
 */
bool type_field_value(const struct type_field *field, const void *storage, uint64_t *value);

/* Whether a value of the field is an int64_t. */
bool type_field_is_signed(const struct type_field *field);

/* The name of an enumeration's value, or NULL. Valid for as long as the BTF is. */
const char *type_field_enum_name(const struct btf *btf, const struct type_field *field,
				 uint64_t value);

const char *field_kind_name(enum field_kind kind);

#endif
