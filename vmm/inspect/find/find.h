/* SPDX-License-Identifier: MPL-2.0 */
/* Searches all frames of a running guest for those matching an expression. */
#ifndef VMM_INSPECT_FIND_H
#define VMM_INSPECT_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect/find/expression.h"
#include "kind/read_counters.h"

/* A matching frame, all of it from one moment. */
struct found_frame {
	pfn_t pfn;
	struct frame frame;
	const void *record; /* if it is in use; valid during the call */
};

struct find_options {
	const struct expression *expression;
	uint64_t limit; /* passes at most this many frames to `found`; counts the rest */
	/* Called outside of read-side sections, in address order; NULL if the limit is 0. */
	void (*found)(void *own, const struct found_frame *frame);
	/* Called the same way after every few thousand frames, with how many were searched. May be NULL. */
	void (*searched)(void *own, uint64_t frames);
	void *own;
};

struct find_result {
	uint64_t matches;
	uint64_t frames; /* searched so far */
	uint64_t holes;  /* frames whose record the guest never wrote: they match nothing */
	struct read_counters reads; /* frames given up match nothing either */
	uint64_t duration_ns;
};

/* Up to this many matching frames are read once more one by one; the system calls of more would take too long. */
#define FIND_LOOKS_MAX 4096

/*
 * Searches the frames of a guest that has frames. Reads no more of each than the expression needs, and the records of
 * those that it passes to `found`; with a limit above FIND_LOOKS_MAX it reads the records of all frames in use. The thread is registered with liburcu. Returns 0; -ENOMEM; -EFAULT if the records
 * are no longer in memory; or another error of frame_walk.
 */
int find_frames(const struct guest *guest, const struct find_options *options,
		struct find_result *result);

#endif
