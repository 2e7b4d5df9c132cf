/* SPDX-License-Identifier: MPL-2.0 */
/*
 * All frames of a running guest, in batches, for what looks at each of them: find, map, top.
 *
 * A batch is read completely before it is handed over, outside of read-side sections, so that a visitor may block and
 * nothing has to be taken back. Frames are of one moment each, not of one together.
 */
#ifndef VMM_FRAME_WALK_H
#define VMM_FRAME_WALK_H

#include "kind/kind.h"

struct frame_batch {
	pfn_t first;
	uint64_t count;
	/*
	 * NULL: all of them are in one state, `state`, which is FRAME_NEVER_WRITTEN or FRAME_UNSTABLE; such a batch may be
	 * of any length. Else up to RECORD_CHUNK frames, single ones of which may be in these states, too.
	 */
	const struct frame *frames;
	uint8_t state;
	const uint8_t *
		records; /* with DETAIL_RECORD: of frame i from i * record_size on, while it is in use */
};

/* A result other than 0 ends the walk. */
typedef int frame_visit(void *own, const struct frame_batch *batch);

/* Walks in the order of the frames, and adds what reading cost to `reads`. Returns as record_walk. */
int frame_walk(const struct guest *guest, enum frame_detail detail, frame_visit *visit, void *own,
	       struct read_counters *reads);

#endif
