/* SPDX-License-Identifier: MPL-2.0 */
/* Which of a guest's memory describes its frames: all that a capture needs to be read without the rest. */
#ifndef VMM_DESCRIBING_MEMORY_H
#define VMM_DESCRIBING_MEMORY_H

#include "memory/guest_memory.h"
#include "memory/ranges.h"

/*
 * Adds what the info page at `info` points to, as far as it lies in RAM. What does not is left out: whoever reads the copy
 * stumbles on it as on the guest itself.
 */
void describing_memory_add(const struct guest_memory *memory, paddr_t info,
			   struct memory_ranges *ranges);

#endif
