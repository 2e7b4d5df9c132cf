/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For which frames of a guest the host keeps memory, in RAM or in swap: those that have data in the file that backs them,
 * or, where memory is copied, in the process that owns it. Looking fills no hole. A guest that runs takes memory all the
 * time, so an answer holds for the moment at which its part of memory was looked up.
 *
 * Frames are asked for in ascending order, mostly: a window of them is looked up at once.
 */
#ifndef VMM_RESIDENCY_H
#define VMM_RESIDENCY_H

#include "memory/guest_memory.h"

#define RESIDENCY_WINDOW 4096 /* frames */

struct residency {
	const struct guest_memory *memory;
	uint64_t first; /* frame of the window; the window is empty if frames is 0 */
	uint64_t frames;
	uint8_t has_data[RESIDENCY_WINDOW];
};

/* Again, to look anew. */
static inline void residency_init(struct residency *residency, const struct guest_memory *memory)
{
	residency->memory = memory;
	residency->frames = 0;
}

/* Whether this memory can tell: all of it is mapped from files, or copied by readers that tell holes from data. */
bool residency_is_known(const struct guest_memory *memory);

/* Whether the host keeps memory for the frame. A frame that is not in this memory has none; nor has one whose source is gone. */
bool residency_has(struct residency *residency, pfn_t frame);

#endif
