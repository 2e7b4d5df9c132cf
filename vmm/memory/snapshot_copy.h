/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The copy that a snapshot makes: a sparse memfd with all regions of the guest one behind the other, filled
 * through descriptors, or by its readers. No mapping of the guest is read, so no hole of it is filled and no page fault taken.
 */
#ifndef VMM_SNAPSHOT_COPY_H
#define VMM_SNAPSHOT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/guest_memory.h"

struct snapshot_copy {
	struct memory_map layout; /* the guest's regions as they were; fd: a duplicate of theirs */
	uint64_t offsets[MEMORY_REGIONS_MAX]; /* of each region in the copy */
	uint64_t size;
	uint64_t max_bytes;
	int fd;
	uint8_t *buffer;
	uint64_t buffer_size; /* the largest piece of any region */

	/* The backing file of this region is known to have data up to here; copy_piece's own. */
	const struct memory_region *data_region;
	uint64_t data_end;
};

/* An empty copy of that memory. max_bytes is what it may take, 0: any. */
int snapshot_copy_begin(struct snapshot_copy *copy, const struct guest_memory *memory,
			uint64_t max_bytes, struct error *err);

/*
 * Copies a first piece of the `size` bytes at pa, which lie within one region, into a copy that has nothing there.
 * *length is how much that was, holes included; pages of data are added to *pages.
 */
int snapshot_copy_piece(struct snapshot_copy *copy, paddr_t pa, uint64_t size, uint64_t *length,
			uint64_t *pages, struct error *err);

/* Copies all of a range over what the copy has there; where it begins with a hole, so does the copy. */
int snapshot_copy_again(struct snapshot_copy *copy, paddr_t pa, uint64_t size, struct error *err);

/* Makes all of it a hole. */
int snapshot_copy_clear(struct snapshot_copy *copy, struct error *err);

/* Whether the memory's regions are still those that the copy began with. */
bool snapshot_copy_fits(const struct snapshot_copy *copy, const struct guest_memory *memory);

/* Makes a memory of it, mapped read-only; the caller then owns it and the descriptor. */
int snapshot_copy_finish(struct snapshot_copy *copy, struct guest_memory *memory, int *fd,
			 struct error *err);

/* Lets go of everything that was not handed out. */
void snapshot_copy_end(struct snapshot_copy *copy);

#endif
