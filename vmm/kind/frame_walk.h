/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks all frames of a running guest in batches, for callers that look at each of them: find, map, top.
 *
 * A batch is complete before the visitor gets it, and the visitor runs outside read-side sections: it may block, and no
 * batch is ever withdrawn. Each frame dates from a single moment, but different frames from different moments.
 */
#ifndef VMM_FRAME_WALK_H
#define VMM_FRAME_WALK_H

#include "kind/kind.h"

struct frame_batch {
	pfn_t first;
	uint64_t count;
	/*
	 * NULL: all frames are in `state`, FRAME_NEVER_WRITTEN or FRAME_UNSTABLE, and the batch may be of any length.
	 * Otherwise up to RECORD_CHUNK frames; single ones may be in these states, too.
	 */
	const struct frame *frames;
	uint8_t state;
	/* With DETAIL_RECORD: frame i's at i * record_size, if in use; of all frames if the kind has properties. */
	const uint8_t *records;
};

/* A result other than 0 ends the walk. */
typedef int frame_visit(void *own, const struct frame_batch *batch);

/* Walks in frame order and adds the cost of reading to `reads`. Returns as record_walk. */
int frame_walk(const struct guest *guest, enum frame_detail detail, frame_visit *visit, void *own,
	       struct read_counters *reads);

#endif
