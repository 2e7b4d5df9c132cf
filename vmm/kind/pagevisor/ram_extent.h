/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much RAM a guest has, by the memory map that it was given, and how much of it is in a memory. The array also has
 * slots for what is no RAM: holes, such as the one below 4 GiB, and devices.
 */
#ifndef VMM_RAM_EXTENT_H
#define VMM_RAM_EXTENT_H

#include <stdint.h>

#include "kind/pagevisor/guest_view.h"

/* Frames below slot_count. */
struct ram_extent {
	/*
	 * RAM that the guest uses or can use once it is reclaimed; and reserved frames that the memory has, which are
	 * the firmware's part of the RAM.
	 */
	uint64_t frames;
	uint64_t missing; /* of these, frames that are not in the memory */
};

/*
 * Measures the RAM of a guest that has slots. The map is read once; entries may be anything. If the guest does not give
 * its map, or one without any RAM, or there is no memory to sort it, all slots count as RAM that is there.
 */
struct ram_extent ram_extent_measure(const struct guest_memory *memory,
				     const struct guest_view *view);

#endif
