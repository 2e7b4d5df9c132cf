/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How fragmented free memory is, as the field measures it: two indices for each order, computed from the
 * allocator's statistics (frame_alloc.h). Pure functions; per mille, rounded as Linux does.
 *
 * Single frames in caches and in the depot count as free blocks of order 0, for that is what they can serve
 * before somebody merges. After frame_alloc_merge the figures tell what merging cannot mend. Parked frames
 * are the host's and not free.
 *
 * Both follow M. Gorman and A. Whitcroft, "The What, The Why and the Where To of Anti-Fragmentation" (OLS 2006),
 * and Linux's debugfs files extfrag/unusable_index and extfrag/extfrag_index (mm/vmstat.c).
 */
#ifndef PAGEMETA_FRAG_STATS_H
#define PAGEMETA_FRAG_STATS_H

#include "frame_alloc.h"

#define FRAG_MAX      1000
#define FRAG_NO_INDEX (-1000)

/* Free blocks of an order. */
static inline uint64_t frag_blocks(const struct frame_alloc_stats *stats, unsigned order)
{
	return stats->blocks[order] + (order == 0 ? stats->cached : 0);
}

/* Frames in free blocks of this order and above: what can serve requests of the order. */
static inline uint64_t frag_usable_frames(const struct frame_alloc_stats *stats, unsigned order)
{
	uint64_t frames = 0;

	for (; order <= FRAME_ORDER_MAX; order++)
		frames += frag_blocks(stats, order) << order;
	return frames;
}

static inline uint64_t frag_free_frames(const struct frame_alloc_stats *stats)
{
	return frag_usable_frames(stats, 0);
}

/*
 * The unusable free space index: the share of free memory that cannot serve a request of the order. 0: any
 * of it can; 1000: none, also when nothing is free.
 */
static inline uint32_t frag_unusable_index(const struct frame_alloc_stats *stats, unsigned order)
{
	uint64_t free = frag_free_frames(stats);

	if (free == 0)
		return FRAG_MAX;
	return (uint32_t)((free - frag_usable_frames(stats, order)) * FRAG_MAX / free);
}

/*
 * The external fragmentation index: why a request of the order would fail. Towards 0: for lack of memory;
 * towards 1000: because it lies in pieces. Below 0 when a single block is all there is. FRAG_NO_INDEX when the
 * request would succeed. 0 when nothing is free.
 */
static inline int32_t frag_external_index(const struct frame_alloc_stats *stats, unsigned order)
{
	uint64_t free = frag_free_frames(stats);
	uint64_t blocks = 0;

	if (free == 0)
		return 0;
	if (frag_usable_frames(stats, order) > 0)
		return FRAG_NO_INDEX;
	for (unsigned i = 0; i <= FRAME_ORDER_MAX; i++)
		blocks += frag_blocks(stats, i);
	/* 1 - (1 + free / requested) / blocks. */
	return (int32_t)(FRAG_MAX - (int64_t)((FRAG_MAX + (free * FRAG_MAX >> order)) / blocks));
}

#endif
