/* SPDX-License-Identifier: MPL-2.0 */
/* Tables of kallsyms as the kernel's build writes them, in each order and encoding, from a list of symbols; aborts without room. */
#ifndef TESTS_UNIT_CRAFTED_KALLSYMS_H
#define TESTS_UNIT_CRAFTED_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kind/linux/kallsyms.h"

/* The order of the tables. */
enum crafted_order {
	ORDER_OFFSETS_FIRST, /* before 6.4 */
	ORDER_NAMES_FIRST,   /* since, aligned to 8 bytes or, self-relative, to 4 */
};

struct crafted_symbol {
	const char *name; /* with its type, as in "Tstart_kernel" */
	uint64_t va;
};

/* Where the tables came to lie: offsets into the image. */
struct crafted_places {
	size_t offsets, relative_base, num_syms, names, markers, token_table, token_index, end;
};

struct crafted_kallsyms {
	enum crafted_order order;
	enum kallsyms_addresses addresses;
	const struct crafted_symbol *symbols; /* their addresses ascend */
	uint32_t count;
};

/* Writes the tables into an image from `at` on. */
struct crafted_places kallsyms_craft(struct kernel_image *image, size_t at,
				     const struct crafted_kallsyms *wanted);

/* Adds the lines of VMCOREINFO that name them to a text. */
void kallsyms_name_places(char *text, size_t size, const struct kernel_image *image,
			  const struct crafted_kallsyms *wanted,
			  const struct crafted_places *places);

#endif
