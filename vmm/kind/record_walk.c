/* SPDX-License-Identifier: MPL-2.0 */
/* A walk over all records: see record_walk.h. */
#include "kind/guest.h"
#include "kind/record_walk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kind/frame_read.h"
#include "kind/kind.h"
#include "memory/data_pages.h"

#define CHUNK_TRIES 3

/* Pages of the array that are looked up at once; the result serves the following chunks, too. */
#define WINDOW_PAGES 4096

struct walk {
	const struct guest *guest;
	const struct record_visitor *visitor;
	void *own;
	struct record_run run;
	unsigned size;       /* of a record */
	uint64_t window_map; /* generation of the map that the window belongs to */
	uint64_t window;     /* address of its first page */
	uint64_t window_pages;
	uint8_t has_data[WINDOW_PAGES];
};

/* Looks up which pages have data, from `page` on, within the run and its region. */
static void move_window(struct walk *walk, const struct memory_map *map, uint64_t page)
{
	const struct memory_region *region = memory_map_find(map, paddr(page));
	uint64_t end = walk->run.pa.addr + walk->run.count * walk->size;
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

/* Skips pages from `at` to `end` that have data, or that have none. Returns the address after them. */
static uint64_t skip_pages(struct walk *walk, const struct memory_map *map, uint64_t at,
			   uint64_t end, bool with_data)
{
	while (at < end && has_data(walk, map, at) == with_data)
		at = align_down(at, PAGE_SIZE) + PAGE_SIZE;
	return at < end ? at : end;
}

/*
 * Splits the records from `at` on: *hole gets those that the guest never wrote, the result counts those after them that
 * it wrote. Reading a hole in its RAM would fill it. Holes begin and end at page boundaries, which are record
 * boundaries, too.
 */
static uint64_t written_records(struct walk *walk, const struct memory_map *map, paddr_t at,
				uint64_t count, uint64_t *hole)
{
	uint64_t end = at.addr + count * walk->size;
	uint64_t data = skip_pages(walk, map, at.addr, end, false);

	*hole = (data - at.addr) / walk->size;
	return (skip_pages(walk, map, data, end, true) - data) / walk->size;
}

/* Walks records [first, first + count) of the run in one read-side section. Returns 0 or -EFAULT. */
static int walk_chunk(struct walk *walk, uint64_t first, uint64_t count)
{
	paddr_t pa = paddr(walk->run.pa.addr + first * walk->size);
	uint64_t frame = walk->run.first.index + first;

	walk->visitor->begin(walk->own);
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(walk->guest->memory);
	const uint8_t *records = memory_map_at(map, pa, count * walk->size);

	for (uint64_t i = 0; records && i < count;) {
		uint64_t hole, written = written_records(walk, map, paddr(pa.addr + i * walk->size),
							 count - i, &hole);

		if (hole)
			walk->visitor->hole(walk->own, pfn(frame + i), hole);
		i += hole;
		if (written)
			walk->visitor->records(walk->own, records + i * walk->size, pfn(frame + i),
					       written);
		i += written;
	}
	guest_memory_read_end();
	return records ? 0 : -EFAULT;
}

/* As walk_chunk, within the time limit: a chunk that took too long proves nothing. */
static int walk_chunk_in_time(struct walk *walk, uint64_t first, uint64_t count)
{
	for (unsigned tries = 0; tries < CHUNK_TRIES; tries++) {
		uint64_t start = clock_now_ns();
		int result = walk_chunk(walk, first, count);

		if (result < 0)
			return result;
		if (clock_now_ns() - start < RECORD_CHUNK_TIME_MAX_NS)
			return walk->visitor->keep(walk->own);
	}
	return walk->visitor->lose(walk->own, pfn(walk->run.first.index + first), count);
}

/* Walks a run in copied memory, chunk by chunk. Copies only what the guest has written. */
static int copy_run(struct walk *walk, uint8_t *buffer)
{
	const struct record_visitor *visitor = walk->visitor;
	uint64_t holes, written;
	int result = 0;

	for (uint64_t first = 0; result == 0 && first < walk->run.count; first += holes + written) {
		paddr_t pa = paddr(walk->run.pa.addr + first * walk->size);
		uint64_t left = walk->run.count - first, frame = walk->run.first.index + first;

		result = records_find_written(walk->guest, pa,
					      left < RECORD_CHUNK ? left : RECORD_CHUNK, &holes,
					      &written);
		if (result == 0 && written)
			result = guest_memory_copy(walk->guest->memory,
						   paddr(pa.addr + holes * walk->size), buffer,
						   written * walk->size);
		if (result < 0)
			return result;
		visitor->begin(walk->own);
		if (holes)
			visitor->hole(walk->own, pfn(frame), holes);
		if (written)
			visitor->records(walk->own, buffer, pfn(frame + holes), written);
		result = visitor->keep(walk->own);
	}
	return result;
}

static int walk_copied(struct walk *walk)
{
	uint8_t *buffer = malloc((size_t)RECORD_CHUNK * walk->size);

	if (!buffer)
		return -ENOMEM;
	int result = copy_run(walk, buffer);

	free(buffer);
	return result;
}

static int walk_mapped(struct walk *walk)
{
	for (uint64_t first = 0; first < walk->run.count; first += RECORD_CHUNK) {
		uint64_t left = walk->run.count - first;
		int result =
			walk_chunk_in_time(walk, first, left < RECORD_CHUNK ? left : RECORD_CHUNK);

		if (result)
			return result;
	}
	return 0;
}

/* Records that straddle pages would be neither in a hole nor in data: such a kind, or such an array, is refused. */
static bool is_walkable(const struct record_run *run, unsigned size)
{
	return size > 0 && PAGE_SIZE % size == 0 && run->pa.addr % size == 0;
}

int record_walk(const struct guest *guest, const struct record_visitor *visitor, void *own)
{
	struct walk walk = {
		.guest = guest, .visitor = visitor, .own = own, .size = guest->kind->record_size};
	struct record_run runs[RECORD_RUNS_MAX];
	unsigned count = guest->kind->runs(guest, runs, RECORD_RUNS_MAX);

	for (unsigned i = 0; i < count; i++) {
		struct memory_reader reader = {0};
		bool copied = guest_memory_is_copied(guest->memory, runs[i].pa, &reader);

		if (!is_walkable(&runs[i], walk.size))
			return -EINVAL;
		walk.run = runs[i];
		int result = !copied ? walk_mapped(&walk)
			     : guest->kind->walk_copied && !reader.is_constant
				     ? guest->kind->walk_copied(guest, &runs[i], visitor, own)
				     : walk_copied(&walk);

		if (result)
			return result;
	}
	return 0;
}
