/* SPDX-License-Identifier: MPL-2.0 */
/* One look at one frame of a guest that runs: its state, and while it is in use its record, of one moment. */
#ifndef VMM_FRAME_LOOK_H
#define VMM_FRAME_LOOK_H

#include "kind/guest.h"
#include "kind/frame.h"

struct guest;

struct frame_look {
	uint64_t pfn;
	/*
	 * Its state may be FRAME_NEVER_WRITTEN, and then nothing else is set; or FRAME_UNSTABLE, and then a count and a
	 * generation that it had may be.
	 */
	struct frame frame;
	/* Set while the frame is in use. */
	uint64_t record[FRAME_RECORD_MAX / sizeof(uint64_t)];
};

/*
 * Looks at frame `pfn`, below frame_count. Does not touch memory that the guest never wrote. Returns 0, -EFAULT when
 * the record is no longer in memory, or what a source that copies says.
 */
int guest_look(const struct guest *guest, uint64_t pfn, struct frame_look *look);

#endif
