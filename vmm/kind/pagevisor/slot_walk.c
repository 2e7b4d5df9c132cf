/* SPDX-License-Identifier: MPL-2.0 */
/* A walk over the metadata array: see slot_walk.h. */
#include "kind/pagevisor/slot_walk.h"

#include <errno.h>
#include <stdbool.h>

#include "base/clock.h"
#include "kind/pagevisor/slot_copy_walk.h"
#include "kind/pagevisor/slot_reader.h"
#include "memory/data_pages.h"

#define CHUNK_TRIES 3

/* Pages of the array that are asked about at once, which serves the chunks that follow. */
#define WINDOW_PAGES 4096

struct walk {
	const struct guest_memory *memory;
	const struct guest_view *view;
	const struct slot_visitor *visitor;
	void *own;
	uint64_t window_map; /* generation of the map that the window is of */
	uint64_t window;     /* address of its first page */
	uint64_t window_pages;
	uint8_t has_data[WINDOW_PAGES];
};

/* Asks about the pages from `page` on, as far as the array and its region go. */
static void move_window(struct walk *walk, const struct memory_map *map, uint64_t page)
{
	const struct memory_region *region = memory_map_find(map, paddr(page));
	uint64_t end = walk->view->array.addr + walk->view->slot_count * SLOT_SIZE;
	uint64_t region_end = region->base.addr + region->size;
	uint64_t pages = ((end < region_end ? end : region_end) - page - 1) / PAGE_SIZE + 1;

	walk->window_map = map->generation;
	walk->window = page;
	walk->window_pages = pages < WINDOW_PAGES ? pages : WINDOW_PAGES;
	data_pages_find(region, paddr(page), walk->window_pages, walk->has_data);
}

static bool has_data(struct walk *walk, const struct memory_map *map, uint64_t at)
{
	uint64_t page = align_down(at, PAGE_SIZE);

	if (walk->window_map != map->generation || page < walk->window ||
	    page - walk->window >= walk->window_pages * PAGE_SIZE)
		move_window(walk, map, page);
	return walk->has_data[(page - walk->window) / PAGE_SIZE];
}

/* The first address from `at` on, up to `end`, whose page has data, or has none. */
static uint64_t skip_pages(struct walk *walk, const struct memory_map *map, uint64_t at,
			   uint64_t end, bool with_data)
{
	while (at < end && has_data(walk, map, at) == with_data)
		at = align_down(at, PAGE_SIZE) + PAGE_SIZE;
	return at < end ? at : end;
}

/*
 * How many of the slots from `at` on the guest has written, and how many before those it has not: looking at a
 * hole of its RAM would fill it. Holes begin and end at page borders, and so at slots.
 */
static uint64_t written_slots(struct walk *walk, const struct memory_map *map, paddr_t at,
			      uint64_t count, uint64_t *hole)
{
	uint64_t end = at.addr + count * SLOT_SIZE;
	uint64_t data = skip_pages(walk, map, at.addr, end, false);

	*hole = (data - at.addr) / SLOT_SIZE;
	return (skip_pages(walk, map, data, end, true) - data) / SLOT_SIZE;
}

/* Slots [first, first + count) in one read-side section. Returns 0 or -EFAULT. */
static int walk_chunk(struct walk *walk, uint64_t first, uint64_t count)
{
	paddr_t pa = paddr(walk->view->array.addr + first * SLOT_SIZE);

	walk->visitor->begin(walk->own);
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(walk->memory);
	const struct meta_slot *slots = memory_map_at(map, pa, count * SLOT_SIZE);

	for (uint64_t i = 0; slots && i < count;) {
		uint64_t hole;
		uint64_t written =
			written_slots(walk, map, paddr(pa.addr + i * SLOT_SIZE), count - i, &hole);

		if (hole)
			walk->visitor->hole(walk->own, pfn(first + i), hole);
		i += hole;
		if (written)
			walk->visitor->slots(walk->own, &slots[i], pfn(first + i), written);
		i += written;
	}
	guest_memory_read_end();
	return slots ? 0 : -EFAULT;
}

/* As walk_chunk, with the bound on the time of level 2 reads: a chunk that took too long proves nothing. */
static int walk_chunk_in_time(struct walk *walk, uint64_t first, uint64_t count)
{
	for (unsigned tries = 0; tries < CHUNK_TRIES; tries++) {
		uint64_t start = clock_now_ns();
		int result = walk_chunk(walk, first, count);

		if (result < 0)
			return result;
		if (clock_now_ns() - start < SLOT_READ_TIME_MAX_NS)
			return walk->visitor->keep(walk->own);
	}
	return walk->visitor->lose(walk->own, pfn(first), count);
}

static bool is_copied(const struct guest_memory *memory, paddr_t pa)
{
	guest_memory_read_begin();
	const struct memory_region *region = memory_map_find(guest_memory_map(memory), pa);
	bool copied = region && !region->host;

	guest_memory_read_end();
	return copied;
}

int slot_walk(const struct guest_memory *memory, const struct guest_view *view,
	      const struct slot_visitor *visitor, void *own)
{
	struct walk walk = {.memory = memory, .view = view, .visitor = visitor, .own = own};

	if (is_copied(memory, view->array))
		return slot_copy_walk(memory, view, visitor, own);
	for (uint64_t first = 0; first < view->slot_count; first += SLOT_WALK_CHUNK) {
		uint64_t left = view->slot_count - first;
		int result = walk_chunk_in_time(&walk, first,
						left < SLOT_WALK_CHUNK ? left : SLOT_WALK_CHUNK);

		if (result)
			return result;
	}
	return 0;
}
