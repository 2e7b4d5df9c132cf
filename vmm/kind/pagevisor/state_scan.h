/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Level 1 over many slots: counts frames by state, and references, with one 64-bit load for each slot.
 *
 * Each slot counts as it was when it was read, and no two are read at the same moment: a frame that moves meanwhile may
 * be counted twice or not at all. If memory is mapped, nothing is retried and nothing given up. Types need level 2:
 * tally_slots.h.
 */
#ifndef VMM_STATE_SCAN_H
#define VMM_STATE_SCAN_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "kind/guest.h"

struct state_counts {
	uint64_t frames[REF_CLASS_COUNT];
	uint64_t references; /* to all frames in use; a unique frame has one */
};

struct state_scan {
	struct state_counts counts;
	uint64_t slots; /* read: the counter of level 1 */
	uint64_t holes; /* slots in memory that the guest never wrote: not read, and of no state */
	uint64_t
		unstable; /* given up, state unknown: only if memory is copied, where level 2 is read */
	uint64_t duration_ns;
};

/* Adds the states of `count` mapped slots. */
void state_counts_add(struct state_counts *counts, const struct meta_slot *slots, uint64_t count);

/*
 * Reads the states of the whole array of a guest that has frames. The thread is registered with liburcu; a
 * read-side section covers a few thousand slots. Returns as record_walk.
 */
int state_scan_array(const struct guest *guest, struct state_scan *scan);

#endif
