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
#include "kind/linux/kallsyms_tables.h"
#include "kind/linux/vmcoreinfo.h"

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
