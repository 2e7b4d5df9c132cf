/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The early allocator: hands out memory before there is metadata, and is retired once there is.
 *
 * It bumps a pointer through the largest usable region below 4 GiB (which the boot page table maps)
 * and through the largest above. Nothing is ever given back. Used by one CPU only.
 */
#ifndef PAGEMETA_EARLY_ALLOC_H
#define PAGEMETA_EARLY_ALLOC_H

#include <stdbool.h>

#include "region.h"

/* Bytes [start, next) are given out, [next, end) are free. Empty when start == end. */
struct early_range {
	uint64_t start;
	uint64_t next;
	uint64_t end;
};

struct early_allocator {
	struct early_range low;  /* below 4 GiB */
	struct early_range high; /* above */
	bool retired;
};

enum early_zone {
	EARLY_LOW, /* below 4 GiB only: mapped from the start */
	EARLY_ANY, /* above 4 GiB where there is room, below otherwise */
};

/* Picks the two regions out of a partition. */
void early_alloc_init(struct early_allocator *early, const struct region_list *partition);

/*
 * Gives out `size` bytes (rounded up to whole frames) at a multiple of `align`, a power of two of
 * at least a page. False when there is no room, when size is zero or rounding wraps, or after
 * early_alloc_retire; nothing changed then. The memory is not cleared.
 */
bool early_alloc(struct early_allocator *early, uint64_t size, uint64_t align, enum early_zone zone,
		 paddr_t *out);

/*
 * Ends the allocator's life: adds what it gave out to `list` as REGION_EARLY; from now on
 * early_alloc refuses. False when the list is full.
 */
bool early_alloc_retire(struct early_allocator *early, struct region_list *list);

#endif
