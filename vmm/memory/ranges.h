/* SPDX-License-Identifier: MPL-2.0 */
/* Ranges of guest memory: a sorted list of whole pages, such as a snapshot copies. */
#ifndef VMM_RANGES_H
#define VMM_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

#define MEMORY_RANGES_MAX 32

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
 * Adds the pages of a range that a guest named, cut at the end of the region that it begins in and joined with those that
 * it overlaps; nothing when it begins in none. The list has room for it.
 */
void memory_ranges_add(struct memory_ranges *ranges, const struct memory_map *map, paddr_t pa,
		       uint64_t size);

/* All regions. */
void memory_ranges_all(const struct guest_memory *memory, struct memory_ranges *ranges);

bool memory_ranges_equal(const struct memory_ranges *a, const struct memory_ranges *b);

uint64_t memory_ranges_bytes(const struct memory_ranges *ranges);

#endif
