/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's own table of symbols, kallsyms, as it lies in its image: kernel/kallsyms.c and scripts/kallsyms.c of
 * Linux define it. Encodings since 5.10: where the tables are is in VMCOREINFO from 6.1 on and is searched for before;
 * names of up to two length bytes from 6.1 on; addresses relative to relative_base, negated for absolute per-CPU symbols
 * until about 6.15, and relative to their own place after.
 *
 * The parser works on a copy of the image, and trusts none of it: every table is bounded by the copy and by
 * KALLSYMS_SYMBOLS_MAX.
 */
#ifndef VMM_LINUX_KALLSYMS_H
#define VMM_LINUX_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/linux/kernel_space.h"
#include "kind/linux/vmcoreinfo.h"

#define KALLSYMS_SYMBOLS_MAX 1000000
#define KALLSYMS_IMAGE_MAX   (UINT64_C(128) << 20) /* bytes of a kernel's image */
#define KALLSYMS_NAME_MAX    512		    /* with the NUL: KSYM_NAME_LEN of 6.1 and later */

/* A copy of the kernel's image from `va` on. Pages that could not be read are zero. */
struct kernel_image {
	uint64_t va;
	size_t size;
	const uint8_t *bytes;
};

/* The tables of an image, by offset into it, all checked. */
struct kallsyms {
	const struct kernel_image *image; /* borrowed */
	uint64_t count;
	size_t names, names_end, markers, token_table, token_index, offsets;
	uint64_t relative_base; /* not used where is_self_relative */
	uint8_t has_long_names;	/* lengths of two bytes are possible */
	uint8_t is_self_relative, is_absolute_percpu;
};

/*
 * Finds the tables. `info` may name them, or not. Pure over its arguments. Returns 0, or with a text -ENODATA (no tables)
 * or -EPROTO (they contradict each other).
 */
int kallsyms_open(const struct kernel_image *image, const struct vmcoreinfo *info,
		  struct kallsyms *table, struct error *err);

struct kallsyms_symbol {
	const char *name;
	uint64_t va; /* 0: there is no such symbol */
};

/*
 * Looks up all names in one pass. The first symbol of a name counts. Returns how many were found, or -EPROTO if the table
 * is broken.
 */
int kallsyms_find(const struct kallsyms *table, struct kallsyms_symbol *symbols, unsigned count);

/*
 * The symbol that covers va: the last one that is not above it. Returns false if there is none. `name` has
 * KALLSYMS_NAME_MAX bytes; it is made printable.
 */
bool kallsyms_name_of(const struct kallsyms *table, uint64_t va, char *name, uint64_t *offset);

/*
 * Copies a kernel's image, from _stext's page on, as far as it is mapped (`_end` is not known yet). The caller frees
 * image->bytes. Returns 0, -ENOMEM, or the error of reading.
 */
int kernel_image_copy(const struct kernel_space *space, const struct vmcoreinfo *info,
		      struct kernel_image *image, struct error *err);
void kernel_image_free(struct kernel_image *image);

#endif
