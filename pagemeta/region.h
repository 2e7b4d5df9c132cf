/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory regions: from the map that firmware gave (unsorted, overlapping, unaligned, with holes) to
 * a partition of physical memory in which every frame below max_paddr has exactly one kind.
 */
#ifndef PAGEMETA_REGION_H
#define PAGEMETA_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

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

/* Bytes [start, end). */
struct region {
	uint64_t start;
	uint64_t end;
	enum region_kind kind;
};

#define REGIONS_MAX 128

struct region_list {
	unsigned count;
	struct region regions[REGIONS_MAX];
};

/* The kind of an E820 type; types that this kernel does not know are reserved. */
enum region_kind region_kind_of_e820(uint32_t type);

/*
 * Appends a region, on page boundaries: usable memory shrinks inwards (half a frame of RAM is not a
 * frame), everything else grows outwards. An empty region is left out; one that would wrap ends at
 * the last page. False when the list is full.
 */
bool region_list_add(struct region_list *list, uint64_t addr, uint64_t size, enum region_kind kind);

/*
 * End of the last usable region: the memory that gets slots. Not the maximum over all regions: PCs
 * list reserved regions just below 1 TiB. 0 when nothing is usable.
 */
uint64_t region_list_max_paddr(const struct region_list *list);

/*
 * Sorts `list` into a partition of [0, end): no overlaps, no gaps, neighbours of one kind merged,
 * what no region covers is REGION_HOLE. `end` is page-aligned. False when the result does not fit;
 * *partition is then meaningless.
 */
bool region_partition(const struct region_list *list, uint64_t end, struct region_list *partition);

#endif
