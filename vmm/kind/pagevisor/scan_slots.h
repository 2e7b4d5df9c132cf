/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a scan does with slots, for all of them (scan.h) or for some (incremental_scan.h): level 1 of each, level 2 of
 * those in use, and the invariants that hold at any moment.
 */
#ifndef VMM_SCAN_SLOTS_H
#define VMM_SCAN_SLOTS_H

#include <stdint.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/scan.h"

/* What is to be known of a guest to scan its slots. */
struct scan_rules {
	const struct guest_view *view;
	int meta_page; /* index of the array's own type, -1: the guest has none */
	uint64_t array_first,
		array_end; /* frames that the array lies in, and that are to be of that type */
};

struct scan_rules scan_rules_of(const struct guest_view *view);

/*
 * Adds what `count` mapped slots, those of the frames from `first` on, hold to `scan` and `findings`. Within the bound
 * on the time that reads at level 2 need (slot_reader.h).
 */
void scan_slots(const struct scan_rules *rules, const struct meta_slot *slots, pfn_t first,
		uint64_t count, struct scan *scan, struct findings *findings);

#endif
