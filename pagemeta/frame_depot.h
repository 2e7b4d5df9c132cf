/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Depots: what the CPUs' caches have in excess, in bundles (frame_bundle.h). Single frames and blocks of FRESH_FRAMES
 * each have a list; a block's place in a bundle is the slot of its first frame.
 *
 * There are several depots. A CPU leaves its bundles in its own and looks there first, so two CPUs seldom meet at a
 * lock, and the slots that a bundle goes through stay in one CPU's caches. A CPU whose depot is empty looks in the
 * others. The lock is held for the link of a root only: bundles are tied before and untied after.
 *
 * Called with the lock of some CPU's cache or frame_pool.lock held; takes the depot's lock inside of it.
 */
#ifndef PAGEMETA_FRAME_DEPOT_H
#define PAGEMETA_FRAME_DEPOT_H

#include "frame_bundle.h"
#include "spinlock.h"

#define FRAME_DEPOTS 8

enum depot_list {
	DEPOT_FRAMES,
	DEPOT_BLOCKS,
	DEPOT_LISTS,
};

struct frame_depot {
	struct spinlock lock;
	struct bundle_list lists[DEPOT_LISTS];
} __attribute__((aligned(SLOT_SIZE)));

extern struct frame_depot frame_depots[FRAME_DEPOTS];

/* Leaves BUNDLE_FRAMES frame numbers, or first frames of blocks, in a CPU's depot. */
static inline void frame_depot_push(unsigned cpu, enum depot_list which, const uint64_t *frames)
{
	struct frame_depot *depot = &frame_depots[cpu % FRAME_DEPOTS];
	struct meta_slot *root = bundle_tie(frames);

	spin_lock(&depot->lock);
	bundle_list_push(&depot->lists[which], root);
	spin_unlock(&depot->lock);
}

/* Takes a bundle out of a depot. False when that has none. */
static inline bool frame_depot_take(struct frame_depot *depot, enum depot_list which,
				    uint64_t *frames, bool prefetch)
{
	if (bundle_list_count(&depot->lists[which]) == 0)
		return false;
	spin_lock(&depot->lock);
	struct meta_slot *root = bundle_list_pop(&depot->lists[which]);

	if (prefetch)
		bundle_list_prefetch(&depot->lists[which]);
	spin_unlock(&depot->lock);
	if (root)
		bundle_untie(root, frames);
	return root;
}

/* Takes a bundle out of a CPU's depot, else out of another. False when all are empty. */
static inline bool frame_depot_pop(unsigned cpu, enum depot_list which, uint64_t *frames)
{
	for (unsigned i = 0; i < FRAME_DEPOTS; i++)
		if (frame_depot_take(&frame_depots[(cpu + i) % FRAME_DEPOTS], which, frames,
				     i == 0))
			return true;
	return false;
}

#endif
