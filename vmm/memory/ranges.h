/* SPDX-License-Identifier: MPL-2.0 */
/* Ranges of guest memory: sorted lists of whole pages, such as the memory that a snapshot copies. */
#ifndef VMM_RANGES_H
#define VMM_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/* All regions; and 32 ranges that a guest reports, which the borders of regions may cut further. */
#define MEMORY_RANGES_MAX (MEMORY_REGIONS_MAX + 32)

/* Whole pages of guest RAM. */
struct memory_range {
	paddr_t base;
	uint64_t size;
};

/* Sorted, without overlap, each within one region. */
struct memory_ranges {
	unsigned count;
	struct memory_range list[MEMORY_RANGES_MAX];
};

/*
 * Adds the pages of a range that a guest reported: a range for each of the adjacent regions in which it lies, joined
 * with those that it overlaps. Ends where the regions end; adds nothing when it starts in no region. The list has room
 * for MEMORY_RANGES_MAX - MEMORY_REGIONS_MAX calls.
 */
void memory_ranges_add(struct memory_ranges *ranges, const struct memory_map *map, paddr_t pa,
		       uint64_t size);

/* Lists all regions. */
void memory_ranges_all(const struct guest_memory *memory, struct memory_ranges *ranges);

bool memory_ranges_equal(const struct memory_ranges *a, const struct memory_ranges *b);

uint64_t memory_ranges_bytes(const struct memory_ranges *ranges);

#endif
