/* SPDX-License-Identifier: MPL-2.0 */
/* The part of a guest's memory that describes its frames: all that a capture needs to be readable without the rest. */
#ifndef VMM_DESCRIBING_MEMORY_H
#define VMM_DESCRIBING_MEMORY_H

#include "memory/guest_memory.h"
#include "memory/ranges.h"

/*
 * Adds the info page at `info` and whatever it points to that lies in RAM. What lies elsewhere is left out: a reader of
 * the capture fails on it as it would on the guest itself.
 */
void describing_memory_add(const struct guest_memory *memory, paddr_t info,
			   struct memory_ranges *ranges);

#endif
