/* SPDX-License-Identifier: MPL-2.0 */
/* A set of a guest's frames: a bit for each, from frame 0 on. */
#ifndef VMM_FRAME_SET_H
#define VMM_FRAME_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"

struct memory_budget;

/* Zeroes: an empty set of no frames. */
struct frame_set {
	uint64_t frame_count;
	uint64_t *bits;
	struct memory_budget *budget;
};

/* An empty set of the frames below `frame_count`. Returns 0, -E2BIG if the budget is too small, or -ENOMEM, with a text. */
int frame_set_begin(struct frame_set *set, uint64_t frame_count, struct memory_budget *budget,
		    struct error *err);

/* Also of one that could not begin. */
void frame_set_end(struct frame_set *set);

/* Adds `count` frames from `first` on; those that are none of the guest's are left out. */
void frame_set_add(struct frame_set *set, uint64_t first, uint64_t count);

static inline bool frame_set_has(const struct frame_set *set, pfn_t frame)
{
	return frame.index < set->frame_count &&
	       (set->bits[frame.index / 64] >> frame.index % 64 & 1);
}

#endif
