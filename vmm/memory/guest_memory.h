/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guest's physical memory as the host sees it: a map of regions under RCU, and the one checked
 * translation from a guest address and a length to a pointer.
 *
 * Readers (scanners, renderers, vCPU threads) take the map inside an RCU read-side section and may
 * use it, and every pointer got through it, until that section ends. Updaters are serialised by a
 * mutex: they copy the map, publish the copy and free the old one, with the mappings that only it
 * had, after a grace period. Every thread that reads must be registered with liburcu.
 */
#ifndef VMM_GUEST_MEMORY_H
#define VMM_GUEST_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/memory_reader.h"

/* One contiguous piece of guest RAM: mapped from a file, or copied by a reader. */
struct memory_region {
	paddr_t base;
	uint64_t size;
	uint8_t *host;               /* where it is mapped; NULL: it is copied */
	int fd;                      /* the file that it is mapped from; -1: it is copied */
	uint64_t fd_offset;          /* of the region's first byte in the file */
	struct memory_reader reader; /* zeroes: it is mapped */
};

static inline bool memory_region_is_copied(const struct memory_region *region)
{
	return region->reader.read;
}

#define MEMORY_REGIONS_MAX 16

/* Immutable once published. Regions are sorted by base and do not overlap. */
struct memory_map {
	uint64_t generation; /* another one after each change */
	unsigned count;
	struct memory_region regions[MEMORY_REGIONS_MAX];
};

struct guest_memory {
	struct memory_map *map; /* RCU-protected */
	pthread_mutex_t update; /* held by whoever replaces map */
};

/*
 * The pointer to `length` bytes of guest memory at pa, or NULL unless the whole range lies within
 * one region that is mapped. A length of zero, a range that wraps and a range one byte past the end all give NULL;
 * a range that ends exactly at the end of a region is fine. Never touches the memory itself.
 */
void *memory_map_at(const struct memory_map *map, paddr_t pa, uint64_t length);

/* Whether all of a range lies within one region, mapped or copied; what else memory_map_at says holds here, too. */
bool memory_map_has(const struct memory_map *map, paddr_t pa, uint64_t length);

/* The region that holds pa, or NULL. */
const struct memory_region *memory_map_find(const struct memory_map *map, paddr_t pa);

/*
 * Whether the page that holds pa, which lies in the region, was never written: reading it through the mapping would
 * allocate it. One that is copied has none that can be seen here.
 */
bool memory_region_is_hole(const struct memory_region *region, paddr_t pa);

/* An empty memory. Returns 0 or -ENOMEM. */
int guest_memory_init(struct guest_memory *memory, struct error *err);

/* Unmaps every region and frees the map; nobody may be reading any more. */
void guest_memory_destroy(struct guest_memory *memory);

/*
 * Adds `size` bytes at `base`, backed by fd from fd_offset, mapped shared (read-write if
 * `writable`). All three are page-aligned. The memory takes over the mapping, not the descriptor.
 * Returns 0, -EINVAL (unaligned, empty, wraps), -EEXIST (overlaps), -ENOSPC (too many regions), or
 * what mmap said. On failure the map is unchanged.
 */
int guest_memory_add(struct guest_memory *memory, paddr_t base, uint64_t size, int fd,
		     uint64_t fd_offset, bool writable, struct error *err);

/*
 * Adds `size` bytes at `base` that are not mapped but copied by that reader. Returns what guest_memory_add returns.
 */
int guest_memory_add_copied(struct guest_memory *memory, paddr_t base, uint64_t size,
			    const struct memory_reader *reader, struct error *err);

/*
 * Removes the region that begins at `base`; it is unmapped when the last reader that could see it has ended its
 * section. Waits for that, so the caller is in no section. Returns 0, or -ENOENT.
 */
int guest_memory_remove(struct guest_memory *memory, paddr_t base, struct error *err);

/* The map as it is now; call between guest_memory_read_begin and _end. */
const struct memory_map *guest_memory_map(const struct guest_memory *memory);

void guest_memory_read_begin(void);
void guest_memory_read_end(void);

/* Whether pa lies in memory that is copied; then *reader (which may be NULL) is by which reader. Opens its own section. */
bool guest_memory_is_copied(const struct guest_memory *memory, paddr_t pa,
			    struct memory_reader *reader);

/*
 * Copies length bytes at pa into buffer through the backing descriptor, so that looking at memory
 * the guest never touched does not allocate it, or through the region's reader. Opens its own read-side section, and
 * has closed it when a reader is called. Returns 0, -EFAULT when the range is not guest memory, or what the reader
 * said.
 */
int guest_memory_copy(const struct guest_memory *memory, paddr_t pa, void *buffer, size_t length);

/*
 * How a range of whole pages begins: with *hole bytes that the guest never wrote, then *data bytes that it may have
 * written; at least one page. Looks at nothing, and opens its own read-side section. Returns as guest_memory_copy.
 */
int guest_memory_find_data(const struct guest_memory *memory, paddr_t pa, uint64_t length,
			   uint64_t *hole, uint64_t *data);

#endif
