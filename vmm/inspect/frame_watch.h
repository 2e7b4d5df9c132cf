/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What happened to a frame between two samples.
 *
 * A change that came and went between two samples leaves no trace except in the generation, if the guest's kind has
 * one. The generation rises by one whenever an owner may write the record anew, so a step of n means that n - 1 such
 * times were not sampled. Nothing counts references that rose and fell again between samples.
 */
#ifndef VMM_FRAME_WATCH_H
#define VMM_FRAME_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/frame_look.h"

/* What differs between two samples. What the guest's kind does not promise never differs. */
enum watch_difference {
	WATCH_STATE = 1 << 0, /* also: written for the first time, or unstable */
	WATCH_REFERENCES = 1 << 1,
	WATCH_GENERATION = 1 << 2,
	WATCH_TYPE = 1 << 3,     /* in use before and now, with another type */
	WATCH_METADATA = 1 << 4, /* in use before and now, with the same type */
};

struct watch_change {
	bool is_first;        /* the first sample of this life of the guest: no difference is set */
	unsigned differences; /* enum watch_difference */
	uint64_t after_ns, at_ns; /* it happened between these times, which include both samples */
	uint32_t missed;          /* generations that were not sampled */
	const struct frame_look *before; /* valid until the next step; NULL if is_first */
	const struct frame_look *now;
};

/* A watched frame. Starts as zeroes except for its number. */
struct frame_watch {
	uint64_t pfn;
	bool has_last; /* there is a sample to compare with */
	uint64_t looks;
	uint64_t changes;
	uint64_t missed;   /* generations, over all changes */
	uint64_t unstable; /* samples without a consistent copy */
	uint64_t gap_ns;   /* the longest time from the start of a sample to the end of the next */
	uint64_t start_ns; /* of the newest sample */
	unsigned newest;   /* the newest sample's index in `looked` */
	struct frame_look looked[2];
};

/*
 * Adds a sample of the frame, taken between start_ns and end_ns. Returns true if it is the first one or differs from
 * the one before. A generation that fell belongs to another life of the guest; none is missed then.
 */
bool frame_watch_step(struct frame_watch *watch, const struct guest *guest,
		      const struct frame_look *look, uint64_t start_ns, uint64_t end_ns,
		      struct watch_change *change);

/* Begins anew: the guest restarted, or an earlier state of it was loaded. Sums are kept. */
void frame_watch_restart(struct frame_watch *watch);

#endif
