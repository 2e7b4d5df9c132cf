/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Level 1 over many slots: frames by state, and references, from one 64-bit load for each slot.
 *
 * Each count is right for the moment in which its slot was read, and no two slots are of one moment: a frame that
 * moves while it is looked at may be counted twice or not at all. Where memory is mapped nothing is retried and nothing given up. Types need
 * level 2: scan.h.
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
		unstable; /* given up, of no known state: only where memory is copied, and level 2 is read anyway */
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
