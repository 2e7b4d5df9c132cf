/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which frames the allocator manages: a sorted table of ranges that neither overlap nor touch.
 *
 * Frames are only ever added. Not concurrent: the caller serialises writers against all other calls.
 */
#ifndef PAGEMETA_MANAGED_RANGES_H
#define PAGEMETA_MANAGED_RANGES_H

#include "frame_alloc.h"
#include "region.h"

/* Ranges do not touch, so a partition has at most one for every second part. */
#define MANAGED_RANGES_MAX (REGION_PARTS_MAX / 2 + 1)

/* Frame numbers [start, end). */
struct managed_range {
	uint64_t start;
	uint64_t end;
};

struct managed_ranges {
	unsigned count;
	struct managed_range ranges[MANAGED_RANGES_MAX];
};

/* What managed_ranges_add would return: FRAME_ADD_OK, _MANAGED or _FULL. */
enum frame_add_error managed_ranges_check(const struct managed_ranges *managed, uint64_t start,
					  uint64_t end);

/*
 * Adds the frames [start, end), at least one, and joins them with the ranges that they touch. After an error nothing
 * changed.
 */
enum frame_add_error managed_ranges_add(struct managed_ranges *managed, uint64_t start,
					uint64_t end);

/* The range that holds a frame; an empty one if the frame is not managed. Takes a few comparisons. */
struct managed_range managed_ranges_find(const struct managed_ranges *managed, uint64_t frame);

static inline bool managed_range_holds(struct managed_range range, uint64_t frame)
{
	return frame - range.start < range.end - range.start;
}

#endif
