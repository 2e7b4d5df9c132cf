/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Adds up slots, of a whole guest or of some pages of its array: level 1 of each, level 2 of those in use, and the
 * invariants that hold at any moment.
 */
#ifndef VMM_TALLY_SLOTS_H
#define VMM_TALLY_SLOTS_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/tally.h"

/* What must be known about a guest to judge its slots. */
struct slot_rules {
	const struct guest_view *view;
	int meta_page; /* type index, -1: the guest has no such type */
	uint64_t array_first,
		array_end; /* frames that the array lies in, which must be of that type */
};

struct slot_rules slot_rules_of(const struct guest_view *view);

/*
 * Adds `count` slots, those of the frames from `first` on, to `tally` and `findings`. The caller bounds the time, as
 * reads at level 2 require (slot_reader.h).
 */
void tally_slots(const struct slot_rules *rules, const struct meta_slot *slots, pfn_t first,
		 uint64_t count, struct frame_tally *tally, struct findings *findings);

#endif
