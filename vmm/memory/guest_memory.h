/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guest's physical memory as the host sees it: a map of regions under RCU, and the one checked translation from a
 * guest address and a length to a pointer.
 *
 * Readers (scanners, renderers, vCPU threads) take the map inside an RCU read-side section. They may use it, and every
 * pointer obtained through it, until that section ends. A mutex serialises updaters: they copy the map and publish the
 * copy. After a grace period they free the old map, and the mappings that only the old map had. Every reading thread
 * must be registered with liburcu.
 */
#ifndef VMM_GUEST_MEMORY_H
#define VMM_GUEST_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "base/memory_budget.h"
#include "memory/memory_reader.h"

/* One contiguous piece of guest RAM: mapped from a file, or copied by a reader. */
struct memory_region {
	paddr_t base;
	uint64_t size;
	uint8_t *host;      /* where it is mapped; NULL: the region is copied */
	int fd;             /* the file from which it is mapped; -1: the region is copied */
	uint64_t fd_offset; /* offset of the region's first byte in the file */
	struct memory_reader reader; /* all zero: the region is mapped */
};

static inline bool memory_region_is_copied(const struct memory_region *region)
{
	return region->reader.read;
}

/*
 * More than any machine has. QEMU has up to 128 NUMA nodes, each with a backend of its own, one of which lies on both
 * sides of the PCI hole, and up to 256 DIMMs. A memory of more regions is refused, never cut.
 */
#define MEMORY_REGIONS_MAX 512

/*
 * Maximum RAM of a guest in bytes, for all sources. A hostile VM can hand out a sparse file of any length at no cost;
 * the limit bounds the work of those who read it.
 */
#define GUEST_MEMORY_MAX (UINT64_C(1) << 40)

/* Immutable once published. Regions are sorted by base and do not overlap. */
struct memory_map {
	uint64_t generation; /* changes with each update */
	unsigned count;
	struct memory_region regions[MEMORY_REGIONS_MAX];
};

struct guest_memory {
	struct memory_map *map; /* RCU-protected */
	pthread_mutex_t update; /* held by whoever replaces map */

	/*
	 * What may be allocated because of this guest, such as a copy of its memory or a byte for each of its frames.
	 * NULL: anything.
	 */
	struct memory_budget *budget;
};

/*
 * Returns the pointer to `length` bytes of guest memory at pa, or NULL unless one mapped region holds the whole range.
 * A length of zero, a range that wraps and a range that ends one byte past a region all give NULL; a range that ends
 * exactly at the end of a region is fine. Never touches the memory itself.
 */
void *memory_map_at(const struct memory_map *map, paddr_t pa, uint64_t length);

/* Whether one region, mapped or copied, holds the whole range. The same limits as for memory_map_at apply. */
bool memory_map_has(const struct memory_map *map, paddr_t pa, uint64_t length);

/*
 * Whether adjacent regions together hold the whole range. A guest sees no border between two regions, so what it places
 * in its memory may lie across one. The same limits apply.
 */
bool memory_map_covers(const struct memory_map *map, paddr_t pa, uint64_t length);

/* The region that holds pa, or NULL. */
const struct memory_region *memory_map_find(const struct memory_map *map, paddr_t pa);

/*
 * Whether the page at pa, which lies in the region, was never written: reading it through the mapping would allocate
 * it. Always false in a copied region, whose holes cannot be seen here.
 */
bool memory_region_is_hole(const struct memory_region *region, paddr_t pa);

/* Makes an empty memory. Returns 0 or -ENOMEM. */
int guest_memory_init(struct guest_memory *memory, struct error *err);

/* Unmaps every region and frees the map. No reader may be left. */
void guest_memory_destroy(struct guest_memory *memory);

/*
 * Adds `size` bytes at `base`, backed by fd from fd_offset and mapped shared (read-write if `writable`). All three
 * numbers are page-aligned. The memory owns the mapping, but not the descriptor: it is read through as well, so it
 * stays open until the region is removed. Core dumps leave the mapping out. Returns 0, -EINVAL (unaligned, empty,
 * wraps), -EEXIST (overlaps), -ENOSPC (too many regions), -EFBIG (more than GUEST_MEMORY_MAX with the other regions),
 * -EBADF (no descriptor), or the errno of mmap or madvise. On failure the map is unchanged.
 */
int guest_memory_add(struct guest_memory *memory, paddr_t base, uint64_t size, int fd,
		     uint64_t fd_offset, bool writable, struct error *err);

/* Adds `size` bytes at `base` that the reader copies instead of a mapping. Returns what guest_memory_add returns. */
int guest_memory_add_copied(struct guest_memory *memory, paddr_t base, uint64_t size,
			    const struct memory_reader *reader, struct error *err);

/*
 * Removes the region that starts at `base`. Waits until every reader that could see the region has left its read-side
 * section, then unmaps it, so the caller must not be in a section. Returns 0 or -ENOENT.
 */
int guest_memory_remove(struct guest_memory *memory, paddr_t base, struct error *err);

/* Bytes of all regions. */
uint64_t guest_memory_size(const struct guest_memory *memory);

/* The current map. Call between guest_memory_read_begin and _end. */
const struct memory_map *guest_memory_map(const struct guest_memory *memory);

void guest_memory_read_begin(void);
void guest_memory_read_end(void);

/*
 * Whether pa lies in a copied region; if so, *reader is set to its reader. `reader` may be NULL. Opens its own
 * read-side section.
 */
bool guest_memory_is_copied(const struct guest_memory *memory, paddr_t pa,
			    struct memory_reader *reader);

/*
 * Copies length bytes at pa into buffer, through the backing descriptor or the region's reader: copying memory that the
 * guest never touched does not allocate it. The range may lie across adjacent regions. Opens its own read-side section
 * for each of them, and closes it before it calls a reader. Returns 0, -EFAULT when the range is not guest memory, or the
 * reader's error.
 */
int guest_memory_copy(const struct guest_memory *memory, paddr_t pa, void *buffer, size_t length);

/*
 * Reports how a range of whole pages starts: with *hole bytes that the guest never wrote, followed by *data bytes that
 * it may have written. Together they are at least one page. Reads no memory, and opens its own read-side section.
 * Returns what guest_memory_copy returns.
 */
int guest_memory_find_data(const struct guest_memory *memory, paddr_t pa, uint64_t length,
			   uint64_t *hole, uint64_t *data);

#endif
