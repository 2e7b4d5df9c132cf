/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The early allocator: hands out memory before there is metadata, and is retired once there is.
 *
 * It bumps a pointer through the largest usable region below PLATFORM_EARLY_LIMIT (which is mapped from the start) and
 * through the largest above. Nothing is ever given back. Used by one CPU only, and not by interrupt handlers.
 *
 * A kernel that needs memory before meta_init sets the allocator up itself, takes what it needs, and passes the same
 * allocator and the same list on to meta_init. What was taken becomes REGION_EARLY there and is never written by the
 * library. Such a kernel does not add that memory to the list.
 */
#ifndef PAGEMETA_EARLY_ALLOC_H
#define PAGEMETA_EARLY_ALLOC_H

#include <stdbool.h>

#include "region.h"

/*
 * Bytes [start, next) are given out, but for the free ones in [gap_start, gap_end): the longest piece that an alignment
 * skipped. [next, end) are free. Empty when start == end.
 */
struct early_range {
	uint64_t start;
	uint64_t next;
	uint64_t end;
	uint64_t gap_start;
	uint64_t gap_end;
};

enum early_state {
	EARLY_UNSET,   /* zero: early_alloc_init has not run */
	EARLY_READY,   /* gives out memory */
	EARLY_RETIRED, /* refuses everything from now on */
};

/* Zero before its first use. */
struct early_allocator {
	struct early_range low;  /* below PLATFORM_EARLY_LIMIT */
	struct early_range high; /* above */
	enum early_state state;
};

enum early_zone {
	EARLY_LOW, /* below PLATFORM_EARLY_LIMIT only: mapped from the start */
	EARLY_ANY, /* above it where there is room, below otherwise */
};

/*
 * Picks the two regions out of a list, whose regions may overlap, or a partition. Sorts the list. A list of more than
 * REGIONS_MAX regions is to be cut with region_list_limit before. False if the allocator was set up before, and then
 * nothing changed: it would forget what it gave out.
 */
META_MUST_USE bool early_alloc_init(struct early_allocator *early, struct region_list *list);

/*
 * Whether all memory that the allocator has, given out or free, is usable by a list. False for an allocator that was
 * set up over another map, or before a region was added that lies in its memory. Sorts the list.
 */
bool early_alloc_fits(const struct early_allocator *early, struct region_list *list);

/* Whether the allocator found any usable memory, and whether it has given out some of it. */
static inline bool early_alloc_has_memory(const struct early_allocator *early)
{
	return early->low.start < early->low.end || early->high.start < early->high.end;
}

static inline bool early_alloc_has_given(const struct early_allocator *early)
{
	return early->low.start < early->low.next || early->high.start < early->high.next;
}

/*
 * Gives out `size` bytes (rounded up to whole frames) at a multiple of `align`, a power of two of
 * at least a page. False when there is no room, when size is zero or rounding wraps, before early_alloc_init and after
 * early_alloc_retire; nothing changed then. The memory is not cleared. What EARLY_ANY gives out is mapped only once the
 * platform's linear mapping reaches it: before meta_init, that is up to PLATFORM_EARLY_LIMIT.
 */
META_MUST_USE bool early_alloc(struct early_allocator *early, uint64_t size, uint64_t align,
			       enum early_zone zone, paddr_t *out);

/*
 * Ends the allocator's life: adds what it gave out to `list` as REGION_EARLY, up to four regions; from now on
 * early_alloc refuses. False when the list has no room for them, or the allocator is not set up or retired already;
 * nothing changed then, except that region_list_limit may have cut the list.
 */
META_MUST_USE bool early_alloc_retire(struct early_allocator *early, struct region_list *list);

#endif
