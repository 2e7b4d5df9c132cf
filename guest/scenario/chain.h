/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Chains of frames with stamps: each frame's metadata says which comes next, so that all memory can be held without an
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
	stamp_set_next(held, chain->first);
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
	chain_set_first(chain, stamp_next(held));
	chain->count--;
	stamp_put(worker, held);
	return true;
}

#endif
