/* SPDX-License-Identifier: MPL-2.0 */
/* Which entries of the kernel's page table point at a frame: as a page, as a part of a large one, or as a table. */
#ifndef VMM_FRAME_ENTRIES_H
#define VMM_FRAME_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/page_walk.h"

/* Ways to a frame that are listed; the linear mapping is one, and a guest's tables can make millions. */
#define FRAME_ENTRIES_MAX 16

struct frame_entries {
	uint64_t total; /* ways to the frame, the first of them listed in order of addresses */
	unsigned listed;
	struct page_entry list[FRAME_ENTRIES_MAX];
	bool is_cut;              /* there may be more: the tables have no end */
	struct findings problems; /* what no table can be */
};

/*
 * Walks the page table of a view at STAGE_METADATA or later; the thread is registered with liburcu. 0 with nothing in
 * *entries where the guest does not say where its table is. Returns 0, or -ENOMEM.
 */
int frame_entries_find(const struct guest_memory *memory, const struct guest_view *view,
		       uint64_t pfn, struct frame_entries *entries, struct error *err);

/* The address that is translated to the frame's first byte by an entry; the first one, for an entry of a table. */
uint64_t frame_entry_va(const struct page_entry *entry, uint64_t pfn);

#endif
