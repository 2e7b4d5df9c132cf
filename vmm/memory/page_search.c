/* SPDX-License-Identifier: MPL-2.0 */
/* Searching a guest's memory: see page_search.h. */
#include "memory/page_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Mapped memory is read in pieces of this size, copied memory in the size that suits its reader. */
#define PIECE_SIZE (UINT64_C(1) << 20)

struct search {
	const struct guest_memory *memory;
	uint64_t magic;
	page_visit *visit;
	void *own;
	uint64_t piece_size;
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

/* Searches [pa, pa + size) of one region. */
static int search_region(const struct search *search, paddr_t pa, uint64_t size)
{
	uint64_t hole, data;
	int result = 0;

	for (uint64_t at = 0; result == 0 && at < size;) {
		uint64_t left = size - at < search->piece_size ? size - at : search->piece_size;

		result = guest_memory_find_data(search->memory, paddr(pa.addr + at), left, &hole,
						&data);
		if (result == 0 && data > 0)
			result = search_piece(search, paddr(pa.addr + at + hole), data);
		at += hole + data;
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
			size = end - region->base.addr;
		search.piece_size = memory_region_is_copied(region) ? region->reader.chunk
								    : PIECE_SIZE;
		result = search_region(&search, region->base, size);
	}
	free(search.piece);
	return result;
}
