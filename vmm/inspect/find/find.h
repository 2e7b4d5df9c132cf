/* SPDX-License-Identifier: MPL-2.0 */
/* Searching all frames of a running guest for those that an expression matches. */
#ifndef VMM_INSPECT_FIND_H
#define VMM_INSPECT_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect/find/expression.h"
#include "kind/read_counters.h"

/* A frame that was found, of one moment. */
struct found_frame {
	pfn_t pfn;
	struct frame frame;
	const void *record; /* while it is in use; goes away afterwards */
};

struct find_options {
	const struct expression *expression;
	uint64_t limit; /* frames handed to `found` at most; the others are counted only */
	/* Called outside of read-side sections, in the order of the addresses; NULL when the limit is 0. */
	void (*found)(void *own, const struct found_frame *frame);
	void *own;
};

struct find_result {
	uint64_t matches;
	uint64_t holes; /* frames whose record the guest never wrote: they match nothing */
	struct read_counters reads; /* frames given up match nothing either */
	uint64_t duration_ns;
};

/*
 * Searches the frames of a guest that has some. Reads no more of each than the expression asks for, and records of those
 * that are handed out. The thread is registered with liburcu. Returns 0, -ENOMEM, or -EFAULT when the records are no longer in memory.
 */
int find_frames(const struct guest *guest, const struct find_options *options,
		struct find_result *result);

#endif
