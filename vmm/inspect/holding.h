/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the host keeps of a guest's memory, and how much of that is free in the guest: memory that the guest has used once,
 * and would not miss.
 */
#ifndef VMM_INSPECT_HOLDING_H
#define VMM_INSPECT_HOLDING_H

#include "kind/guest.h"

struct holding {
	bool is_known;
	uint64_t frames;      /* of RAM that the host keeps memory for */
	uint64_t free_frames; /* of these, frames that are free in the guest */
};

/*
 * Counts over all frames. The guest runs: its state and the host's are not from one moment. `is_known` is false, and nothing
 * else set, if the memory cannot tell. Returns as frame_walk.
 */
int holding_count(const struct guest *guest, struct holding *holding);

#endif
