/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory regions: from the map that firmware gave (unsorted, overlapping, unaligned, with holes) to
 * a partition of physical memory in which every frame below max_paddr has exactly one kind.
 *
 * A list belongs to one CPU at a time. Before its first use it is zero.
 */
#ifndef PAGEMETA_REGION_H
#define PAGEMETA_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "must_use.h"

/*
 * What memory is. Where regions overlap, the kind that comes later in this list wins. Usable memory gives way to
 * everything else. Memory that can become usable later gives way to memory that never does. What the map describes
 * gives way to memory that must not be touched, and all of these to memory that is known to be in use now.
 */
enum region_kind {
	REGION_HOLE, /* in no region at all */
	REGION_USABLE,
	REGION_RECLAIMABLE,      /* the boot loader's; usable once it is no longer needed */
	REGION_ACPI_RECLAIMABLE, /* ACPI tables; usable once they are read (ACPI 6.5, 15) */
	REGION_RESERVED,         /* firmware, devices, and types unknown to this kernel */
	REGION_ACPI_NVS,         /* the firmware's, kept across sleep */
	REGION_NON_VOLATILE,     /* memory that keeps its contents; not for frames */
	REGION_FRAMEBUFFER,      /* often inside a reserved region, so it overrides that */
	REGION_UNUSABLE,         /* bad: errors were found in it (E820's "unusable") */
	REGION_MODULE,           /* loaded beside the kernel */
	REGION_KERNEL,           /* the kernel image and what it needs at a fixed place */
	REGION_EARLY,            /* given out by the early allocator */
	REGION_META,             /* the metadata array itself */
	REGION_KIND_COUNT,
};

/* Whether the memory can be given to the allocator, now or once it is reclaimed. */
static inline bool region_kind_is_allocatable(enum region_kind kind)
{
	return kind >= REGION_USABLE && kind <= REGION_ACPI_RECLAIMABLE;
}

/* Whether the memory is RAM that the kernel uses or can use. */
static inline bool region_kind_is_ram(enum region_kind kind)
{
	return region_kind_is_allocatable(kind) || kind >= REGION_MODULE;
}

/* Bytes [start, end). */
struct region {
	uint64_t start;
	uint64_t end;
	enum region_kind kind;
};

/* The most regions that a list keeps: 1024 of a firmware's map, and 24 of the kernel's own. */
#define REGIONS_MAX 1048

/* What meta_init adds to them: the array, and up to two pieces of early memory below PLATFORM_EARLY_LIMIT and above. */
#define REGIONS_OF_INIT 5

/* A partition: each region has two ends, and each end can begin a part. */
#define REGION_PARTS_MAX (2 * (REGIONS_MAX + REGIONS_OF_INIT) + 1)

struct region_list {
	unsigned count;
	unsigned dropped;       /* regions that region_list_limit took out */
	uint64_t dropped_bytes; /* allocatable memory that was lost with them, as the list stood */
	struct region regions[REGION_PARTS_MAX];
};

/*
 * Appends a region, on page boundaries: usable memory shrinks inwards (half a frame of RAM is not a
 * frame), everything else grows outwards. An empty region is left out; one that would wrap ends at
 * the last page. If the list has no place left, region_list_limit makes room first, down to REGIONS_MAX. False if even
 * that frees no place, because the regions are of kinds that it never drops; the list is as it was.
 */
META_MUST_USE bool region_list_add(struct region_list *list, uint64_t addr, uint64_t size,
				   enum region_kind kind);

/*
 * Makes a list of any length have at most `max` regions. Changes their order. First joins regions of one kind that
 * touch, and takes out those that stronger ones cover, which loses nothing. Then drops what costs the least memory, and
 * counts it in list->dropped:
 *
 *   - a usable region: it becomes a hole;
 *   - the border between two neighbours of other kinds: they become one reserved region, with what lies in between.
 *     The cost is the usable memory there, and the reclaimable memory among the two.
 *
 * So memory may be lost, but none becomes usable or reclaimable that was not. Regions of the kinds KERNEL, EARLY and
 * META always stay: if there are `max` of them or more, the list has those and one more. Takes O(n log n) steps.
 */
void region_list_limit(struct region_list *list, unsigned max);

/*
 * End of the last region that is RAM: the memory that gets slots. Not the maximum over all regions: PCs
 * list reserved regions just below 1 TiB. 0 when there is no RAM.
 */
uint64_t region_list_max_paddr(const struct region_list *list);

/* Visits the parts of a partition in the order of their addresses, without a place to store them. */
struct region_walk {
	const struct region_list *list;
	unsigned next; /* the first region that begins after `addr` */
	uint64_t addr; /* where the next part begins */
	uint64_t reach
		[REGION_KIND_COUNT]; /* for each kind, the largest end of the regions before `next` */
};

/* Begins a walk at address 0. Sorts the list, which must not change during the walk. */
void region_walk_begin(struct region_walk *walk, struct region_list *list);

/*
 * The next part, up to `end`: what no region covers is REGION_HOLE. Neighbouring parts may be of one kind. False at
 * `end`.
 */
bool region_walk_next(struct region_walk *walk, uint64_t end, struct region *part);

/*
 * Makes a partition of [0, end) from a list: no overlaps, no gaps, neighbours of one kind merged. `end` is
 * page-aligned. Sorts the list, in O(n log n) steps. False when the result does not fit, which takes more than
 * REGIONS_MAX + REGIONS_OF_INIT regions; *partition is then meaningless.
 */
META_MUST_USE bool region_partition(struct region_list *list, uint64_t end,
				    struct region_list *partition);

#endif
