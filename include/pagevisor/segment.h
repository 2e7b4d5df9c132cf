/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A segment (pagemeta/segment.h): a run of contiguous frames, as its owner stores it in memory. An observer that
 * searches for references to a frame recognises runs by these two words.
 */
#ifndef PAGEVISOR_SEGMENT_H
#define PAGEVISOR_SEGMENT_H

#include <stdint.h>

#include <pagevisor/abi.h>
#include <pagevisor/address.h>

struct segment {
	pfn_t first;
	uint64_t count; /* 0: the segment is empty */
};

ABI_OFFSET(struct segment, first, 0);
ABI_OFFSET(struct segment, count, 8);
ABI_SIZE(struct segment, 16);

#endif
