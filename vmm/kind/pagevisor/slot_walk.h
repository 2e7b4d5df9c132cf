/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A walk over the metadata array of a running guest, for whoever looks at all of it: in chunks of bounded
 * length, each in a read-side section of its own, leaving out what the guest never wrote, with the bound on the
 * time that reads at level 2 need.
 *
 * A chunk that took too long is read again, so what a visitor gathers becomes true only when the chunk is kept.
 */
#ifndef VMM_SLOT_WALK_H
#define VMM_SLOT_WALK_H

#include <stdint.h>

#include <pagevisor/address.h>
#include <pagevisor/slot.h>

#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

/* Slots in one read-side section: some tens of microseconds. */
#define SLOT_WALK_CHUNK 4096

/* What is called, in the order of the slots; `own` is the visitor's. Only keep and lose may block. */
struct slot_visitor {
	/* A chunk begins, or begins again: what was gathered of one that was not kept is void. */
	void (*begin)(void *own);
	/* `count` slots, those of the frames from `first` on. */
	void (*slots)(void *own, const struct meta_slot *slots, pfn_t first, uint64_t count);
	/* Slots in memory that the guest never wrote: looking would fill it. */
	void (*hole)(void *own, pfn_t first, uint64_t count);
	/* Slots that changed during every try; only where memory is copied. */
	void (*unstable)(void *own, pfn_t first, uint64_t count);
	/* So many copies of slots had to be taken again; only where memory is copied. */
	void (*retried)(void *own, uint64_t copies);
	/* The chunk was read in time. A result other than 0 ends the walk. */
	int (*keep)(void *own);
	/* The chunk was given up: nothing is known of these slots. */
	int (*lose)(void *own, pfn_t first, uint64_t count);
};

/*
 * On memory that is copied (memory_reader.h) a visitor is given slots of the walk's own, which level 2 has settled
 * already: of those in use it reads a consistent copy at its first try. They were read in up to MEMORY_READER_CHUNK_MAX
 * bytes at a time, states, slots, states, and what changed meanwhile again a few slots at a time.
 *
 * Walks the array of a view at STAGE_METADATA or later, in the order of the addresses. The thread is registered
 * with liburcu. Returns 0, -EFAULT when the array is no longer in RAM, -ENOTCONN when a source that copies has gone,
 * -ENOMEM, or what the visitor ended it with.
 */
int slot_walk(const struct guest_memory *memory, const struct guest_view *view,
	      const struct slot_visitor *visitor, void *own);

#endif
