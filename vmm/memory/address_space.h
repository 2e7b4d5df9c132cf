/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a guest's kernel sees its memory, as far as that needs no page tables: all of it in a row, and more mappings, such as
 * its image's, each in a row. What a guest reports is hostile; what cannot be is left out here.
 */
#ifndef VMM_ADDRESS_SPACE_H
#define VMM_ADDRESS_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/* A kernel's image, its stacks, and a part of its array in each region. */
#define ADDRESS_MAPPINGS_MAX 1024

struct address_mapping {
	uint64_t va;
	paddr_t pa;
	uint64_t size;
};

struct address_space {
	bool has_linear;
	uint64_t linear_va; /* of physical address 0 */
	unsigned count;
	struct address_mapping list[ADDRESS_MAPPINGS_MAX]; /* whole pages */
};

/* Ignores an address that is not of a page. */
void address_space_set_linear(struct address_space *space, uint64_t va);

/*
 * Adds the pages in which a mapping lies, and joins them with the mapping that was added last where they follow it. Ignores a
 * mapping that wraps or is not of whole pages at either address, and what is too many.
 */
void address_space_add(struct address_space *space, uint64_t va, paddr_t pa, uint64_t size);

/* Whether the page of an address is in the space, and its memory is in `memory`. */
bool address_space_has(const struct address_space *space, const struct guest_memory *memory,
		       uint64_t va);

#endif
