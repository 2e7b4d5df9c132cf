/* SPDX-License-Identifier: MPL-2.0 */
/* The members of any struct of a kernel's BTF as C has them: offset, size, declaration. The BTF has passed btf_check. */
#ifndef VMM_STRUCT_MEMBERS_H
#define VMM_STRUCT_MEMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct btf;

#define STRUCT_DECLARATION_SIZE 256  /* with the NUL; longer ones are cut */
#define STRUCT_MEMBERS_MAX      4096 /* more are left out */

struct struct_member {
	uint64_t offset; /* in bytes */
	uint64_t size;
	unsigned first_bit,
		bits;     /* of a bit-field, whose first bit is counted from `offset`; else 0 */
	unsigned depth;   /* of members without a name around it, whose own members follow them */
	const char *name; /* "": it has none; printable ASCII, as the declaration */
	const char *declaration; /* "char comm[16]", "union {...}" */
};

typedef void struct_member_visit(void *own, const struct struct_member *member);

/*
 * Finds a struct or union by its name, or by a typedef's; "struct " or "union " may stand before it. Returns its id, or
 * -ENOENT with a text that guesses.
 */
int struct_find(const struct btf *btf, const char *name, struct error *err);

/* What it is, "struct task_struct", and its size in bytes. */
uint64_t struct_describe(const struct btf *btf, uint32_t id, char text[STRUCT_DECLARATION_SIZE]);

/* Visits the members in their order, those of members without a type's name too. Returns how many were left out, at least. */
unsigned struct_members(const struct btf *btf, uint32_t id, struct_member_visit *visit, void *own);

#endif
