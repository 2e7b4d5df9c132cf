/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's own table of symbols, kallsyms, as it lies in its image: kernel/kallsyms.c and scripts/kallsyms.c of
 * Linux define it. All encodings since 5.10:
 *
 * - where the tables are is in VMCOREINFO from 6.0 on, and is searched for before;
 * - a length has one byte, from 6.1 on one or two;
 * - an address is relative to relative_base; or that, but negated, and absolute for per-CPU symbols, until about 6.15;
 *   or, in newer kernels, relative to the place of its own offset.
 *
 * The parser works on a copy of the image, and trusts none of it: every table is bounded by the copy and by
 * KALLSYMS_SYMBOLS_MAX, and checked as a whole once.
 */
#ifndef VMM_LINUX_KALLSYMS_H
#define VMM_LINUX_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/linux/kernel_image.h"
#include "kind/linux/vmcoreinfo.h"

#define KALLSYMS_SYMBOLS_MAX 1000000
#define KALLSYMS_NAME_MAX    512 /* with the NUL: KSYM_NAME_LEN of 6.1 and later */
#define KALLSYMS_TOKENS      256
#define KALLSYMS_BLOCK       256 /* names that a marker is for */

enum kallsyms_addresses {
	KALLSYMS_RELATIVE, /* relative_base + offset */
	KALLSYMS_NEGATED, /* relative_base - 1 - offset where that is negative, else the offset itself */
	KALLSYMS_SELF_RELATIVE, /* the place of the offset + offset */
};

/* The tables of an image, by offset into it, all checked. */
struct kallsyms {
	const struct kernel_image *image; /* borrowed */
	uint32_t count;
	size_t names, names_end, markers, token_table, token_index, offsets;
	uint64_t relative_base; /* 0 where addresses are relative to themselves */
	enum kallsyms_addresses addresses;
	bool has_long_names; /* a length of 128 or more has two bytes */
	uint8_t token_lengths[KALLSYMS_TOKENS];
};

/*
 * Finds the tables. `info` may name them, or not; it does name _stext, which must be where it says. Pure over its
 * arguments. Returns 0, or with a text -ENODATA (no tables) or -EPROTO (they contradict each other).
 */
int kallsyms_open(const struct kernel_image *image, const struct vmcoreinfo *info,
		  struct kallsyms *table, struct error *err);

struct kallsyms_symbol {
	const char *name;
	uint64_t va; /* 0: there is no such symbol */
};

/* Looks up all names in one pass. The first symbol of a name counts. Returns how many were found. */
unsigned kallsyms_find(const struct kallsyms *table, struct kallsyms_symbol *symbols,
		       unsigned count);

/*
 * The symbol that covers va: the last address that is not above it, and of several symbols there the first, as the kernel
 * itself does. Returns false if there is none. `name` has KALLSYMS_NAME_MAX bytes; it is made printable.
 */
bool kallsyms_name_of(const struct kallsyms *table, uint64_t va, char *name, uint64_t *offset);

#endif
