/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fields of a kernel's objects, by the names that its BTF has, and checked reads of them. Nothing that is read is
 * trusted: pointers must be the kernel's and aligned, text ends within its bound, and a field that the kernel does not have
 * is not read.
 */
#ifndef VMM_LINUX_KERNEL_FIELDS_H
#define VMM_LINUX_KERNEL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kind/linux/kernel_space.h"

struct btf;

struct kernel_field {
	uint32_t offset; /* in bytes */
	uint32_t size;   /* 0: not here */
	uint32_t type_id;
};

/* A field of a struct, which may have no id; "d_name.len" is one of a member. */
struct kernel_field kernel_field_of(const struct btf *btf, uint32_t id, const char *path);

/* A number of 1, 2, 4 or 8 bytes. Returns false if it is not here, or cannot be read. */
bool kernel_field_read(const struct kernel_space *space, uint64_t object,
		       const struct kernel_field *field, uint64_t *value);

/* A pointer to another of the kernel's objects, aligned to 8 bytes. */
bool kernel_field_pointer(const struct kernel_space *space, uint64_t object,
			  const struct kernel_field *field, uint64_t *value);

/* Whether an object can be there: an address of the kernel, aligned to 8 bytes. */
bool kernel_is_object(const struct kernel_space *space, uint64_t va);

/*
 * The neighbour behind a node of a list (struct list_head) that points back to it. Returns false if there is none, also after
 * some attempts at a list that changes. A walk needs a bound of its own.
 */
bool kernel_list_next(const struct kernel_space *space, uint64_t node, uint64_t *next);

/*
 * Text that ends with a NUL, or with its size - 1st byte. Returns false if it cannot be read. It is as the guest has it:
 * not printable.
 */
bool kernel_text(const struct kernel_space *space, uint64_t va, char *text, size_t size);

/* Text that a field points at, or that is in the field. */
bool kernel_field_text(const struct kernel_space *space, uint64_t object,
		       const struct kernel_field *field, char *text, size_t size);

#endif
