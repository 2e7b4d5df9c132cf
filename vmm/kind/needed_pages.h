/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The pages that a guest needs to go on from one instant: all memory except the frames that its own metadata calls free,
 * and those that the host has. Whatever is in doubt is needed: frames between two states, in broken ones, and memory
 * without a record.
 */
#ifndef VMM_NEEDED_PAGES_H
#define VMM_NEEDED_PAGES_H

#include "base/error.h"
#include "kind/guest.h"
#include "memory/page_set.h"

struct needed_pages {
	struct page_set set;
	uint64_t free_frames; /* left out */
	uint64_t host_frames; /* left out */
};

/*
 * Of a guest in a snapshot: the records are of the same instant as what they describe. NULL, or one without frames: all
 * memory is needed. Returns 0, or a negative errno with a text: as page_set_begin or frame_walk. Call needed_pages_end in
 * any case.
 */
int needed_pages_find(struct needed_pages *needed, const struct guest *guest,
		      const struct guest_memory *memory, struct error *err);

void needed_pages_end(struct needed_pages *needed);

#endif
