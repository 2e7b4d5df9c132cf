/* SPDX-License-Identifier: MPL-2.0 */
/* A walk over the metadata array: see slot_walk.h. */
#include "inspect/slot_walk.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "inspect/slot_copy_walk.h"
#include "inspect/slot_reader.h"

#define CHUNK_TRIES 3

struct walk {
	const struct guest_memory *memory;
	const struct guest_view *view;
	const struct slot_visitor *visitor;
	void *own;
	off_t data_end; /* the backing file is known to have data from the array up to here */
};

/*
 * How many of the slots from `at` on the guest has written, and how many before those it has not: looking at a
 * hole of its RAM would fill it. One search finds the end of a whole stretch of data, which serves the chunks
 * that follow. Holes begin and end at page borders, and so at slots.
 */
static uint64_t written_slots(struct walk *walk, const struct memory_region *region, paddr_t at,
			      uint64_t count, uint64_t *hole)
{
	off_t start = (off_t)(region->fd_offset + (at.addr - region->base.addr));
	off_t end = start + (off_t)(count * SLOT_SIZE);
	off_t data = start;

	*hole = 0;
	if (region->fd < 0)
		return count;
	if (start >= walk->data_end) {
		data = lseek(region->fd, start, SEEK_DATA);
		if (data < 0 || data > end)
			data = end;
		if (data < end)
			walk->data_end = lseek(region->fd, data, SEEK_HOLE);
		if (walk->data_end < data) /* a file that shrinks meanwhile */
			walk->data_end = data;
	}
	*hole = (uint64_t)(data - start) / SLOT_SIZE;
	if (data == end)
		return 0;
	return (uint64_t)((end < walk->data_end ? end : walk->data_end) - data) / SLOT_SIZE;
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
		uint64_t written = written_slots(walk, memory_map_find(map, pa),
						 paddr(pa.addr + i * SLOT_SIZE), count - i, &hole);

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
