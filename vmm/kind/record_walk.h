/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks all records of a running guest, for callers that add them up (guest_tally) or make frames of them
 * (frame_walk.h). It reads in chunks of bounded length and time, each in a read-side section of its own, and skips what
 * the guest never wrote.
 *
 * A chunk that took too long is read again, so what a visitor gathers counts only once the chunk is kept. If memory is
 * copied, the visitor gets copies, which the kind settles first if it must.
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
 * The time limit of a chunk. A kind may rely on a counter that does not wrap within it (pagevisor: 2^32 owners of one
 * frame in a second).
 */
#define RECORD_CHUNK_TIME_MAX_NS NS_PER_S

/* Callbacks, called in frame order; `own` is the visitor's. Only keep and lose may block. */
struct record_visitor {
	/* A chunk begins, or begins again. Discard what was gathered from a chunk that was not kept. */
	void (*begin)(void *own);
	/* `count` records of the frames from `first` on. */
	void (*records)(void *own, const void *records, pfn_t first, uint64_t count);
	/* Records in memory that the guest never wrote: reading them would fill the hole. */
	void (*hole)(void *own, pfn_t first, uint64_t count);
	/* Records that changed during every attempt; only if memory is copied. */
	void (*unstable)(void *own, pfn_t first, uint64_t count);
	/* The number of record copies that had to be repeated; only if memory is copied. */
	void (*retried)(void *own, uint64_t copies);
	/* The chunk was read in time. A result other than 0 ends the walk. */
	int (*keep)(void *own);
	/* The chunk was given up: nothing is known about these records. */
	int (*lose)(void *own, pfn_t first, uint64_t count);
};

/*
 * Walks the records of a guest that has frames. Returns 0; -EFAULT if they are no longer in memory; -ENOTCONN if a
 * source that copies is gone; -EINVAL if records would straddle pages (their size does not divide a page, or an
 * array is not aligned to it); -ENOMEM; or the result with which the visitor ended the walk.
 */
int record_walk(const struct guest *guest, const struct record_visitor *visitor, void *own);

#endif
