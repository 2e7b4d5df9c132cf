/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whether the kernel can take a page out of its page block, so that the block can become a huge page: by its class, as the
 * kernel's compaction does (isolate_migratepages_block in mm/compaction.c). Pure over records.
 *
 * It is not known whether the kernel would succeed: a page that a driver has pinned, that is written at this moment or
 * whose file system cannot move it is one that moves. What a shrinker could free, such as inodes in slabs, stays.
 */
#ifndef VMM_LINUX_PAGE_MOBILITY_H
#define VMM_LINUX_PAGE_MOBILITY_H

#include "kind/linux/page_class.h"

enum page_mobility {
	PAGE_IS_FREE, /* or is so for a CPU, or on its way, or not known */
	PAGE_MOVES,
	PAGE_STAYS,
};

enum page_mobility page_mobility_of(const struct page_layout *layout, const void *record,
				    const struct frame *frame);

/* What a page is that stays: its class, or one of these. */
enum page_stay {
	STAY_RESERVED = PAGE_CLASS_COUNT,
	STAY_OFFLINE,
	STAY_BROKEN,
	STAY_COUNT,
};
unsigned page_stay_of(const struct frame *frame);
const char *page_stay_name(unsigned stay);

/* How many pages stay in the page block of a frame. Records that are not to be had do not count. */
unsigned page_block_stays(const struct page_records *in, pfn_t pfn);

#endif
