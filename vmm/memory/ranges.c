/* SPDX-License-Identifier: MPL-2.0 */
/* Ranges of guest memory: see ranges.h. */
#include "memory/ranges.h"

#include <string.h>

_Static_assert(MEMORY_REGIONS_MAX <= MEMORY_RANGES_MAX, "a list holds all regions");

/* Inserts a range in order and joins it with those that it overlaps, all of which lie in its region, too. */
static void add_range(struct memory_ranges *ranges, uint64_t start, uint64_t end)
{
	struct memory_ranges joined = {0};
	bool is_added = false;

	for (unsigned i = 0; i < ranges->count; i++) {
		const struct memory_range *range = &ranges->list[i];
		uint64_t range_end = range->base.addr + range->size;

		if (range->base.addr < end && start < range_end) {
			start = range->base.addr < start ? range->base.addr : start;
			end = range_end > end ? range_end : end;
			continue;
		}
		if (!is_added && range->base.addr >= end) {
			joined.list[joined.count++] =
				(struct memory_range){paddr(start), end - start};
			is_added = true;
		}
		joined.list[joined.count++] = *range;
	}
	if (!is_added)
		joined.list[joined.count++] = (struct memory_range){paddr(start), end - start};
	*ranges = joined;
}

void memory_ranges_add(struct memory_ranges *ranges, const struct memory_map *map, paddr_t pa,
		       uint64_t size)
{
	const struct memory_region *region;

	while (size > 0 && (region = memory_map_find(map, pa)) != NULL) {
		uint64_t left = region->size - (pa.addr - region->base.addr);
		uint64_t part = size < left ? size : left;

		add_range(ranges, align_down(pa.addr, PAGE_SIZE),
			  align_up(pa.addr + part, PAGE_SIZE));
		pa.addr += part;
		size -= part;
	}
}

void memory_ranges_all(const struct guest_memory *memory, struct memory_ranges *ranges)
{
	*ranges = (struct memory_ranges){0};
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	/* Adjacent regions are not joined: a range lies within one region. */
	for (unsigned i = 0; i < map->count; i++)
		ranges->list[ranges->count++] =
			(struct memory_range){map->regions[i].base, map->regions[i].size};
	guest_memory_read_end();
}

bool memory_ranges_equal(const struct memory_ranges *a, const struct memory_ranges *b)
{
	return a->count == b->count && memcmp(a->list, b->list, a->count * sizeof(a->list[0])) == 0;
}

uint64_t memory_ranges_bytes(const struct memory_ranges *ranges)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ranges->count; i++)
		sum += ranges->list[i].size;
	return sum;
}
