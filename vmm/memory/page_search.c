/* SPDX-License-Identifier: MPL-2.0 */
/* Searching a guest's memory: see page_search.h. */
#include "memory/page_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/data_pages.h"

/* Mapped memory is looked at in pieces of this size, copied memory is read in the size that suits its reader. */
#define PIECE_SIZE  (UINT64_C(1) << 20)
#define PIECE_PAGES (PIECE_SIZE / PAGE_SIZE)

struct search {
	const struct guest_memory *memory;
	uint64_t magic;
	page_visit *visit;
	void *own;
	uint8_t *piece; /* MEMORY_READER_CHUNK_MAX */
};

/* Searches `size` bytes of data from pa on, in whole pages. */
static int search_piece(const struct search *search, paddr_t pa, uint64_t size)
{
	int result = guest_memory_copy(search->memory, pa, search->piece, size);

	for (uint64_t at = 0; result == 0 && at < size; at += PAGE_SIZE) {
		uint64_t magic;

		memcpy(&magic, search->piece + at, sizeof(magic));
		if (magic == search->magic)
			result =
				search->visit(search->own, search->piece + at, paddr(pa.addr + at));
	}
	return result;
}

/* Searches [pa, pa + size) of a copied region. */
static int search_copied(const struct search *search, paddr_t pa, uint64_t size, uint64_t chunk)
{
	uint64_t hole, data;
	int result = 0;

	for (uint64_t at = 0; result == 0 && at < size; at += hole + data) {
		uint64_t left = size - at < chunk ? size - at : chunk;

		result = guest_memory_find_data(search->memory, paddr(pa.addr + at), left, &hole,
						&data);
		if (result == 0 && data > 0)
			result = search_piece(search, paddr(pa.addr + at + hole), data);
	}
	return result;
}

/* Sets matches[i] for the pages of a piece that begin with the magic. Returns 0, or -EFAULT if the region is gone. */
static int match_pages(const struct search *search, paddr_t pa, uint64_t pages, uint8_t *matches)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(search->memory);
	const uint8_t *host = memory_map_at(map, pa, pages * PAGE_SIZE);

	if (host)
		data_pages_find(memory_map_find(map, pa), pa, pages, matches);
	for (uint64_t i = 0; host && i < pages; i++)
		/* Relaxed: a match is copied, and then only the copy counts. */
		matches[i] = matches[i] && __atomic_load_n((const uint64_t *)(host + i * PAGE_SIZE),
							   __ATOMIC_RELAXED) == search->magic;
	guest_memory_read_end();
	return host ? 0 : -EFAULT;
}

/*
 * Searches [pa, pa + size) of a mapped region through the mapping: a load for each page, where a copy would take all of its
 * bytes. It does not ask for the end of each range of data, because the kernel counts its pages one by one.
 */
static int search_mapped(const struct search *search, paddr_t pa, uint64_t size)
{
	uint8_t matches[PIECE_PAGES];
	int result = 0;

	for (uint64_t at = 0; result == 0 && at < size; at += PIECE_SIZE) {
		uint64_t left = size - at < PIECE_SIZE ? size - at : PIECE_SIZE;
		const paddr_t piece = paddr(pa.addr + at);

		result = match_pages(search, piece, left / PAGE_SIZE, matches);
		for (uint64_t i = 0; result == 0 && i < left / PAGE_SIZE; i++)
			if (matches[i])
				result = search_piece(search, paddr(piece.addr + i * PAGE_SIZE),
						      PAGE_SIZE);
	}
	return result;
}

static void copy_map(const struct guest_memory *memory, struct memory_map *map)
{
	guest_memory_read_begin();
	*map = *guest_memory_map(memory);
	guest_memory_read_end();
}

int page_search(const struct guest_memory *memory, uint64_t end, uint64_t magic, page_visit *visit,
		void *own)
{
	struct search search = {.memory = memory,
				.magic = magic,
				.visit = visit,
				.own = own,
				.piece = malloc(MEMORY_READER_CHUNK_MAX)};
	struct memory_map map;
	int result = search.piece ? 0 : -ENOMEM;

	copy_map(memory, &map);
	for (unsigned i = 0; result == 0 && i < map.count; i++) {
		const struct memory_region *region = &map.regions[i];
		uint64_t size = region->size;

		if (end && region->base.addr >= end)
			break;
		if (end && size > end - region->base.addr)
			size = align_down(end - region->base.addr, PAGE_SIZE);
		result = memory_region_is_copied(region)
				 ? search_copied(&search, region->base, size, region->reader.chunk)
				 : search_mapped(&search, region->base, size);
	}
	free(search.piece);
	return result;
}
