/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A walk over all records of a running guest, for what adds them up (guest_tally) or makes frames of them (frame_walk.h):
 * in chunks of bounded length, each in a read-side section of its own, leaving out what the guest never wrote, within a
 * bound on the time of each chunk.
 *
 * A chunk that took too long is read again, so what a visitor gathers becomes true only when the chunk is kept. On
 * memory that is copied a visitor is given records of the walk's own, settled by the kind where it must.
 */
#ifndef VMM_RECORD_WALK_H
#define VMM_RECORD_WALK_H

#include <stdint.h>

#include <pagevisor/address.h>

#include "base/clock.h"

struct guest;

/* Records in one read-side section: some tens of microseconds. */
#define RECORD_CHUNK 4096

/*
 * What a chunk may take. A kind's soundness may rest on a counter that does not come round within it (pagevisor: 2^32
 * owners of one frame in a second).
 */
#define RECORD_CHUNK_TIME_MAX_NS NS_PER_S

/* What is called, in the order of the frames; `own` is the visitor's. Only keep and lose may block. */
struct record_visitor {
	/* A chunk begins, or begins again: what was gathered of one that was not kept is void. */
	void (*begin)(void *own);
	/* `count` records, those of the frames from `first` on. */
	void (*records)(void *own, const void *records, pfn_t first, uint64_t count);
	/* Records in memory that the guest never wrote: looking would fill it. */
	void (*hole)(void *own, pfn_t first, uint64_t count);
	/* Records that changed during every attempt; only where memory is copied. */
	void (*unstable)(void *own, pfn_t first, uint64_t count);
	/* So many copies of records had to be taken again; only where memory is copied. */
	void (*retried)(void *own, uint64_t copies);
	/* The chunk was read in time. A result other than 0 ends the walk. */
	int (*keep)(void *own);
	/* The chunk was given up: nothing is known of these records. */
	int (*lose)(void *own, pfn_t first, uint64_t count);
};

/*
 * Walks the records of a guest that has frames. Returns 0, -EFAULT when they are no longer in memory, -ENOTCONN when a
 * source that copies has gone, -ENOMEM, -EINVAL when records would straddle pages (their size does not divide a page, or
 * an array is not aligned to it), or what the visitor ended it with.
 */
int record_walk(const struct guest *guest, const struct record_visitor *visitor, void *own);

#endif
