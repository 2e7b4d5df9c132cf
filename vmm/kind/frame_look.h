/* SPDX-License-Identifier: MPL-2.0 */
/* A sample of one frame of a running guest: its state and, if it is in use, its record, both from one moment. */
#ifndef VMM_FRAME_LOOK_H
#define VMM_FRAME_LOOK_H

#include "kind/guest.h"
#include "kind/frame.h"

struct guest;

struct frame_look {
	uint64_t pfn;
	/*
	 * If its state is FRAME_NEVER_WRITTEN, nothing else is set. If it is FRAME_UNSTABLE, the references and
	 * generation may be set to values that the frame had.
	 */
	struct frame frame;
	/* Set if the frame is in use. */
	uint64_t record[FRAME_RECORD_MAX / sizeof(uint64_t)];
};

/*
 * Samples frame `pfn`, which is below frame_count. Does not touch memory that the guest never wrote. Returns 0; -EFAULT
 * if the record is no longer in memory; or the error of a source that copies.
 */
int guest_look(const struct guest *guest, uint64_t pfn, struct frame_look *look);

#endif
