/* SPDX-License-Identifier: MPL-2.0 */
/* Which frames the host keeps memory for: see residency.h. */
#include "memory/residency.h"

#include <string.h>

#include "memory/data_pages.h"

bool residency_is_known(const struct guest_memory *memory)
{
	bool is_known = true;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	for (unsigned i = 0; i < map->count; i++)
		if (memory_region_is_copied(&map->regions[i]) &&
		    (!map->regions[i].reader.find_data || map->regions[i].reader.is_constant))
			is_known = false;
	guest_memory_read_end();
	return is_known;
}

/* Fills the window of a copied region by its reader, which may block. */
static void copy_window(struct residency *residency, paddr_t pa)
{
	uint64_t at = 0;

	memset(residency->has_data, 0, residency->frames);
	while (at < residency->frames) {
		uint64_t hole, data;

		if (guest_memory_find_data(residency->memory, paddr(pa.addr + at * PAGE_SIZE),
					   (residency->frames - at) * PAGE_SIZE, &hole, &data) < 0)
			return;
		at += hole / PAGE_SIZE;
		memset(residency->has_data + at, 1, data / PAGE_SIZE);
		at += data / PAGE_SIZE;
	}
}

/* Moves the window to begin at a frame, within one region. */
static void move_window(struct residency *residency, pfn_t frame)
{
	paddr_t pa = pfn_to_paddr(frame);
	bool is_copied = false;

	residency->first = frame.index;
	residency->frames = 1;
	residency->has_data[0] = 0;
	guest_memory_read_begin();
	const struct memory_region *region =
		memory_map_find(guest_memory_map(residency->memory), pa);

	if (region) {
		uint64_t left = (region->base.addr + region->size - pa.addr) / PAGE_SIZE;

		residency->frames = left < RESIDENCY_WINDOW ? left : RESIDENCY_WINDOW;
		is_copied = memory_region_is_copied(region);
		if (!is_copied)
			data_pages_find(region, pa, residency->frames, residency->has_data);
	}
	guest_memory_read_end();
	if (is_copied)
		copy_window(residency, pa);
}

bool residency_has(struct residency *residency, pfn_t frame)
{
	/* A frame below the window is far above its end, modulo 2^64. */
	if (frame.index - residency->first >= residency->frames)
		move_window(residency, frame);
	return residency->has_data[frame.index - residency->first];
}
