/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Chains of frames with stamps: each frame's bytes say which comes next, so that all memory can be held without an
 * array of references. Each chain belongs to one processor. Its head is stored at once, as an atomic store is and
 * another may not be: who looks for references from outside would miss all of a chain that a register alone holds.
 */
#ifndef GUEST_CHAIN_H
#define GUEST_CHAIN_H

#include "workload/stamp.h"

struct chain {
	struct held first;
	uint64_t count;
};

/* Where in a frame's bytes the next link is, in words; stamps are at both ends. */
#define CHAIN_LINK_AT 8

static inline struct held *chain_link(struct held held)
{
	return (struct held *)((uint64_t *)frame_bytes(held.frame) + CHAIN_LINK_AT);
}

static inline void chain_set_first(struct chain *chain, struct held held)
{
	chain->first.serial = held.serial;
	/* Relaxed: for whoever reads all memory while the processors stand still. */
	__atomic_store_n(&chain->first.frame.slot, held.frame.slot, __ATOMIC_RELAXED);
}

/* False when no memory is free. */
static inline bool chain_grow(struct worker *worker, struct chain *chain)
{
	struct held held = stamp_alloc(worker);

	if (!held.frame.slot)
		return false;
	*chain_link(held) = chain->first;
	chain_set_first(chain, held);
	chain->count++;
	return true;
}

/* Checks and puts the frame that came last. False when there is none. */
static inline bool chain_shrink(struct worker *worker, struct chain *chain)
{
	struct held held = chain->first;

	if (!held.frame.slot)
		return false;
	chain_set_first(chain, *chain_link(held));
	chain->count--;
	stamp_put(worker, held);
	return true;
}

#endif
