/* SPDX-License-Identifier: MPL-2.0 */
/* Checked reads of a kernel's objects: see kernel_fields.h. */
#include "kind/linux/kernel_fields.h"

#include <string.h>

#include <pagevisor/address.h>

#include "kind/linux/linux_btf.h"

#define NAME_MAX_SIZE 64

/* Attempts at a neighbour that does not point back. */
#define NEIGHBOUR_TRIES 4

struct kernel_field kernel_field_of(const struct btf *btf, uint32_t id, const char *path)
{
	struct kernel_field field = {.type_id = id};

	for (;;) {
		const char *end = strchrnul(path, '.');
		char name[NAME_MAX_SIZE];
		struct linux_member member;

		/* Members without a name are looked into anyway. */
		if (end == path || (size_t)(end - path) >= sizeof(name))
			return (struct kernel_field){0};
		memcpy(name, path, (size_t)(end - path));
		name[end - path] = '\0';
		if (!linux_btf_member(btf, field.type_id, name, &member))
			return (struct kernel_field){0};
		field = (struct kernel_field){.offset = field.offset + member.offset,
					      .size = member.size,
					      .type_id = member.type_id};
		if (*end == '\0')
			return field;
		path = end + 1;
	}
}

bool kernel_is_object(const struct kernel_space *space, uint64_t va)
{
	return va % sizeof(va) == 0 && kernel_space_is_kernel_va(space, va);
}

bool kernel_field_read(const struct kernel_space *space, uint64_t object,
		       const struct kernel_field *field, uint64_t *value)
{
	*value = 0;
	/* The processor is little-endian: the low bytes come first. */
	return (field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8) &&
	       kernel_is_object(space, object) &&
	       kernel_space_copy(space, object + field->offset, value, field->size) == 0;
}

bool kernel_field_pointer(const struct kernel_space *space, uint64_t object,
			  const struct kernel_field *field, uint64_t *value)
{
	return field->size == sizeof(*value) && kernel_field_read(space, object, field, value) &&
	       kernel_is_object(space, *value);
}

bool kernel_list_next(const struct kernel_space *space, uint64_t node, uint64_t *next)
{
	static const struct kernel_field next_field = {.offset = 0, .size = 8},
					 prev_field = {.offset = 8, .size = 8};
	uint64_t back;

	for (unsigned i = 0; i < NEIGHBOUR_TRIES; i++)
		if (kernel_field_pointer(space, node, &next_field, next) &&
		    kernel_field_pointer(space, *next, &prev_field, &back) && back == node)
			return true;
	return false;
}

bool kernel_text(const struct kernel_space *space, uint64_t va, char *text, size_t size)
{
	size_t used = 0;

	/* What lies behind the text need not be mapped. */
	while (used < size - 1) {
		size_t part = PAGE_SIZE - (va + used) % PAGE_SIZE;

		if (part > size - 1 - used)
			part = size - 1 - used;
		if (!kernel_space_is_kernel_va(space, va + used) ||
		    kernel_space_copy(space, va + used, text + used, part) < 0)
			return false;
		if (memchr(text + used, '\0', part))
			return true;
		used += part;
	}
	text[used] = '\0';
	return true;
}

bool kernel_field_text(const struct kernel_space *space, uint64_t object,
		       const struct kernel_field *field, char *text, size_t size)
{
	uint64_t at;

	if (!kernel_is_object(space, object))
		return false;
	/* An array is longer than a pointer, or else nothing of it is wanted. */
	if (field->size > sizeof(at))
		return kernel_text(space, object + field->offset, text,
				   field->size < size ? field->size + 1 : size);
	return field->size == sizeof(at) && kernel_field_read(space, object, field, &at) &&
	       kernel_text(space, at, text, size);
}
