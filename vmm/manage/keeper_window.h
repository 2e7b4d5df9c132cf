/* SPDX-License-Identifier: MPL-2.0 */
/* Some frames at a time, with their slots: for the keeper only. */
#ifndef VMM_KEEPER_WINDOW_H
#define VMM_KEEPER_WINDOW_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "memory/guest_memory.h"

#define WINDOW_FRAMES UINT64_C(2048)
#define WINDOW_PAGES  (WINDOW_FRAMES * SLOT_SIZE / PAGE_SIZE + 1)

/* Frames of one region, and of one aligned stretch of WINDOW_FRAMES frames. */
struct window {
	uint64_t first;
	uint64_t end;
	struct memory_region region; /* of the frames */
	struct meta_slot *slots;     /* of frame `first`; NULL: they are not in one region */
	uint8_t has_data[WINDOW_PAGES];
};

/*
 * Opens the window of the frames from `first` on, up to `end`. What is in no region has no slots. Within a read-side
 * section; the slots may be used as long as the regions stay.
 */
void window_open(struct window *window, const struct memory_map *map, paddr_t array, uint64_t first,
		 uint64_t end);

/* The slot of a frame; NULL if it is not there, or was never written: reading it would allocate it. */
static inline struct meta_slot *window_slot(const struct window *window, uint64_t frame)
{
	struct meta_slot *slot = window->slots ? window->slots + (frame - window->first) : NULL;
	uint64_t page = (uint64_t)(uintptr_t)slot / PAGE_SIZE -
			(uint64_t)(uintptr_t)window->slots / PAGE_SIZE;

	return slot && window->has_data[page] ? slot : NULL;
}

#endif
