/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The copy that a snapshot makes: a sparse memfd that holds all regions of the guest, one after another. It is filled
 * through their descriptors or by their readers. No mapping of the guest is read, so copying fills no hole and takes no
 * page fault.
 */
#ifndef VMM_SNAPSHOT_COPY_H
#define VMM_SNAPSHOT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/guest_memory.h"

struct snapshot_copy {
	/* The guest's regions when the copy started; each fd is a duplicate. */
	struct memory_map layout;
	uint64_t offsets[MEMORY_REGIONS_MAX]; /* of each region in the copy */
	uint64_t size;
	struct memory_budget *budget; /* of that memory */
	uint64_t taken;               /* bytes from the budget */
	int fd;
	uint8_t *buffer;
	uint64_t buffer_size; /* the largest piece of any region */

	/* The backing file of this region has data up to data_end. Private to snapshot_copy_piece. */
	const struct memory_region *data_region;
	uint64_t data_end;
};

/* Starts an empty copy of that memory, which takes what it needs from the memory's budget. */
int snapshot_copy_begin(struct snapshot_copy *copy, const struct guest_memory *memory,
			struct error *err);

/*
 * Copies the first piece of the `size` bytes at pa, which lie within one region, into a part of the copy that is still
 * empty. Sets *length to the size of the piece, holes included, and adds its pages of data to *pages.
 */
int snapshot_copy_piece(struct snapshot_copy *copy, paddr_t pa, uint64_t size, uint64_t *length,
			uint64_t *pages, struct error *err);

/* Copies a whole range over the earlier copy of it. If the range starts with a hole, so does the copy. */
int snapshot_copy_again(struct snapshot_copy *copy, paddr_t pa, uint64_t size, struct error *err);

/* Empties the copy: all of it becomes a hole. */
int snapshot_copy_clear(struct snapshot_copy *copy, struct error *err);

/* Whether the memory still has the regions with which the copy started. */
bool snapshot_copy_fits(const struct snapshot_copy *copy, const struct guest_memory *memory);

/*
 * Turns the copy into a memory, mapped read-only, with the same budget. The caller then owns the memory, the descriptor,
 * and *taken bytes of the budget.
 */
int snapshot_copy_finish(struct snapshot_copy *copy, struct guest_memory *memory, int *fd,
			 uint64_t *taken, struct error *err);

/* Frees everything that was not handed over to the caller. */
void snapshot_copy_end(struct snapshot_copy *copy);

#endif
