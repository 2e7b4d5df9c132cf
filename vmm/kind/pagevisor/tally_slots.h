/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What adding up does with slots, with all of a guest or with some pages of its array: level 1 of each, level 2 of those
 * in use, and the invariants that hold at any moment.
 */
#ifndef VMM_TALLY_SLOTS_H
#define VMM_TALLY_SLOTS_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/tally.h"

/* What is to be known of a guest to judge its slots. */
struct slot_rules {
	const struct guest_view *view;
	int meta_page; /* type index, -1: the guest has no such type */
	uint64_t array_first,
		array_end; /* frames that the array lies in, and that are to be of that type */
};

struct slot_rules slot_rules_of(const struct guest_view *view);

/*
 * Adds what `count` slots, those of the frames from `first` on, hold to `tally` and `findings`. Within the bound on the
 * time that reads at level 2 need (slot_reader.h).
 */
void tally_slots(const struct slot_rules *rules, const struct meta_slot *slots, pfn_t first,
		 uint64_t count, struct frame_tally *tally, struct findings *findings);

#endif
