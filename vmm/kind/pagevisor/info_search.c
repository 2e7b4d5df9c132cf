/* SPDX-License-Identifier: MPL-2.0 */
/* Finding info pages: see info_search.h. */
#include "kind/guest.h"
#include "kind/pagevisor/info_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/info.h>

/* Mapped memory is read in pieces of this size, copied memory in the size that suits its reader. */
#define PIECE_SIZE (UINT64_C(1) << 20)

struct search {
	const struct guest_memory *memory;
	paddr_t *pages;
	unsigned max;
	unsigned count;
	uint64_t piece_size;
	uint8_t *piece; /* MEMORY_READER_CHUNK_MAX */
};

/* Judges a page that begins with the magic. */
static bool is_info_page(const uint8_t *page, paddr_t at)
{
	struct guest_info info;

	memcpy(&info, page, sizeof(info));
	if (info.abi_version != INFO_ABI_VERSION)
		return info.info_size >= sizeof(struct info_head) && info.info_size <= PAGE_SIZE;
	return info.info_size == sizeof(info) && at.addr >= info.kernel_start_pa &&
	       at.addr < info.kernel_end_pa;
}

/* Searches `size` bytes of data from pa on, in whole pages. */
static int search_piece(struct search *search, paddr_t pa, uint64_t size)
{
	int result = guest_memory_copy(search->memory, pa, search->piece, size);

	for (uint64_t at = 0; result == 0 && at < size && search->count < search->max;
	     at += PAGE_SIZE) {
		const uint8_t *page = search->piece + at;
		paddr_t page_pa = paddr(pa.addr + at);
		uint64_t magic;

		memcpy(&magic, page, sizeof(magic));
		if (magic == INFO_MAGIC && is_info_page(page, page_pa))
			search->pages[search->count++] = page_pa;
	}
	return result;
}

/* Searches [pa, pa + size) of one region. Does not fill holes. */
static int search_region(struct search *search, paddr_t pa, uint64_t size)
{
	uint64_t hole, data;
	int result = 0;

	for (uint64_t at = 0; result == 0 && at < size && search->count < search->max;) {
		uint64_t left = size - at < search->piece_size ? size - at : search->piece_size;

		result = guest_memory_find_data(search->memory, paddr(pa.addr + at), left, &hole,
						&data);
		if (result == 0 && data > 0)
			result = search_piece(search, paddr(pa.addr + at + hole), data);
		at += hole + data;
	}
	return result;
}

/* Copies the current map. A region that goes away meanwhile ends the search. */
static void copy_map(const struct guest_memory *memory, struct memory_map *map)
{
	guest_memory_read_begin();
	*map = *guest_memory_map(memory);
	guest_memory_read_end();
}

int info_search(const struct guest_memory *memory, uint64_t end, paddr_t *pages, unsigned max)
{
	struct search search = {.memory = memory,
				.pages = pages,
				.max = max,
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
	return result < 0 ? result : (int)search.count;
}
