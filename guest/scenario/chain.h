/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Chains of stamped frames: each frame's metadata names the next, so a chain can hold all memory without an array of
 * references. Each chain belongs to one processor. Its head is stored atomically, because the compiler may delay other
 * stores: an observer that searches memory for references would miss a whole chain whose head is only in a register.
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
	/* Relaxed: for observers that read all memory while the processors are stopped. */
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

/* Checks and puts the newest frame. False when there is none. */
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
