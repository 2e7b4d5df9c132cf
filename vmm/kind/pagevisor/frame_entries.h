/* SPDX-License-Identifier: MPL-2.0 */
/* Which entries of the kernel's page table point at a frame: as a page, as a part of a large one, or as a table. */
#ifndef VMM_FRAME_ENTRIES_H
#define VMM_FRAME_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/page_walk.h"

/*
 * Maximum number of paths listed for a frame. The linear mapping is one path; a hostile guest's tables can make
 * millions.
 */
#define FRAME_ENTRIES_MAX 16

struct frame_entries {
	uint64_t total; /* paths to the frame; the first of them are listed, in address order */
	unsigned listed;
	struct page_entry list[FRAME_ENTRIES_MAX];
	bool is_cut;              /* truncated: the walk stopped early and there may be more */
	struct findings problems; /* tables that cannot be valid */
};

/*
 * Walks the page table of a view at STAGE_METADATA or later. *entries is empty if the guest does not say where its
 * table is. The thread is registered with liburcu. Returns 0 or -ENOMEM.
 */
int frame_entries_find(const struct guest_memory *memory, const struct guest_view *view,
		       uint64_t pfn, struct frame_entries *entries, struct error *err);

/*
 * The virtual address that an entry translates to the frame's first byte. For an entry that points at a table: the
 * first address that it translates.
 */
uint64_t frame_entry_va(const struct page_entry *entry, uint64_t pfn);

#endif
