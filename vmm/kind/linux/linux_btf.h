/* SPDX-License-Identifier: MPL-2.0 */
/* The BTF of a Linux kernel, as it lies between __start_BTF and __stop_BTF: from 3.4 MB and 100000 types on. */
#ifndef VMM_LINUX_BTF_H
#define VMM_LINUX_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/fields/btf_check.h"

struct btf;

/*
 * What stock kernels need is a third or less of this, but for the depth: a chain of 32 was seen. Kernels of 5.10 to 7.2
 * have 19 levels, 5100 types in one, names of up to 60 characters.
 */
extern const struct btf_limits linux_btf_limits;

/*
 * Checks a kernel's BTF, which is aligned to 4 bytes, and gives a copy of it to libbpf. The caller frees *btf with
 * btf__free. Returns 0, -EPROTO with a text, or -ENOMEM.
 */
int linux_btf_open(const void *blob, size_t size, struct btf **btf, struct error *err);

/* A type that is looked up by its name; id is 0 where there is none. The first of a name counts. */
struct linux_type {
	unsigned kind; /* BTF_KIND_STRUCT, ... */
	const char *name;
	uint32_t id;
};

/* Looks all of them up in one pass. Returns how many there are. */
unsigned linux_btf_find(const struct btf *btf, struct linux_type *types, unsigned count);

/* Bytes of a struct or union; 0 for other types. */
uint32_t linux_btf_size(const struct btf *btf, uint32_t id);

struct linux_member {
	uint32_t offset; /* in bytes */
	uint32_t size;
	uint32_t type_id;
	uint32_t first_bit; /* counted from the start of the outermost struct */
	uint32_t bits;      /* of a bit-field, else 0 */
};

/*
 * A member of a struct or union by its name; it may lie in members without a name. Bit-fields are not found. Returns
 * false if there is none; id may be 0.
 */
bool linux_btf_member(const struct btf *btf, uint32_t id, const char *name,
		      struct linux_member *member);

/* The same; bit-fields are found, too. */
bool linux_btf_member_or_bits(const struct btf *btf, uint32_t id, const char *name,
			      struct linux_member *member);

/* The type behind typedefs and qualifiers. */
uint32_t linux_btf_strip(const struct btf *btf, uint32_t id);

/* The value of an enumerator, or false. id may be 0. */
bool linux_btf_enumerator(const struct btf *btf, uint32_t id, const char *name, int64_t *value);

#endif
