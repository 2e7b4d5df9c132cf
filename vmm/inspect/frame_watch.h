/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What happened to a frame between two looks at it.
 *
 * Looks are samples: a change that came and went between two of them leaves no trace, but for the generation, where the
 * kind of the guest has one. It goes up by one whenever an owner may write the record anew, so that a step of n means
 * n - 1 such times that no look has seen. References that went up and down again are not counted by anything.
 */
#ifndef VMM_FRAME_WATCH_H
#define VMM_FRAME_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/frame_look.h"

/* What is different; what the kind of the guest does not promise never is. */
enum watch_difference {
	WATCH_STATE = 1 << 0, /* also: written for the first time, or unstable */
	WATCH_REFERENCES = 1 << 1,
	WATCH_GENERATION = 1 << 2,
	WATCH_TYPE = 1 << 3,     /* in use before and now */
	WATCH_METADATA = 1 << 4, /* the same, and of the same type */
};

struct watch_change {
	bool is_first;                   /* nothing was seen before: no difference is set */
	unsigned differences;            /* enum watch_difference */
	uint64_t after_ns, at_ns;        /* it happened between: two looks, both included */
	uint32_t missed;                 /* generations that no look has seen */
	const struct frame_look *before; /* until the next step; not set at first */
	const struct frame_look *now;
};

/* A frame that is watched. Starts as zeroes but for its number. */
struct frame_watch {
	uint64_t pfn;
	uint64_t looks;
	uint64_t changes;
	uint64_t missed;   /* generations, over all changes */
	uint64_t unstable; /* looks that had no consistent copy */
	uint64_t gap_ns;   /* the longest time from the start of a look to the end of the next */
	uint64_t start_ns; /* of the newest look */
	unsigned newest;   /* which of the two */
	struct frame_look looked[2];
};

/* Takes a look at the frame of the guest, which was taken in that time. True when it is the first one, or differs from the look before. */
bool frame_watch_step(struct frame_watch *watch, const struct guest *guest,
		      const struct frame_look *look, uint64_t start_ns, uint64_t end_ns,
		      struct watch_change *change);

#endif
