/* SPDX-License-Identifier: MPL-2.0 */
/* Some frames at a time, with their slots: see keeper_window.h. */
#include "manage/keeper_window.h"

#include "memory/data_pages.h"

static void find_slots(struct window *window, const struct memory_map *map, paddr_t array)
{
	paddr_t pa = paddr(array.addr + window->first * SLOT_SIZE);
	uint64_t size = (window->end - window->first) * SLOT_SIZE;
	uint64_t page = pa.addr / PAGE_SIZE;

	window->slots = memory_map_at(map, pa, size);
	if (window->slots)
		data_pages_find(memory_map_find(map, pa), paddr(page * PAGE_SIZE),
				(pa.addr + size - 1) / PAGE_SIZE - page + 1, window->has_data);
}

void window_open(struct window *window, const struct memory_map *map, paddr_t array, uint64_t first,
		 uint64_t end)
{
	const struct memory_region *region = memory_map_find(map, paddr(first * PAGE_SIZE));
	uint64_t stretch = align_down(first, WINDOW_FRAMES) + WINDOW_FRAMES;

	*window = (struct window){.first = first, .end = end < stretch ? end : stretch};
	if (!region || memory_region_is_copied(region))
		return;
	window->region = *region;
	end = (region->base.addr + region->size) / PAGE_SIZE;
	if (window->end > end)
		window->end = end;
	find_slots(window, map, array);
}
