/* SPDX-License-Identifier: MPL-2.0 */
/* How much RAM a guest has: see ram_extent.h. */
#include "kind/pagevisor/ram_extent.h"

#include <stdlib.h>

#include <pagevisor/info.h>
#include <pagevisor/pvh.h>

/* What may lie at an address, each in any number of layers. */
enum layer {
	LAYER_RAM,      /* the guest's map has RAM there that it can use */
	LAYER_RESERVED, /* the guest's map has something else there, which wins */
	LAYER_HOST,     /* the memory has it */
	LAYER_COUNT,
};

/* Where a layer begins or ends, as a frame number. */
struct edge {
	uint64_t frame;
	enum layer layer;
	int step; /* 1 or -1 */
};

struct edges {
	uint64_t end; /* nothing from this frame on counts */
	size_t count;
	struct edge list[2 * (INFO_REGIONS_MAX + MEMORY_REGIONS_MAX)];
};

static void add_layer(struct edges *edges, enum layer layer, uint64_t start, uint64_t end)
{
	if (end > edges->end)
		end = edges->end;
	if (start >= end)
		return;
	edges->list[edges->count++] = (struct edge){start, layer, 1};
	edges->list[edges->count++] = (struct edge){end, layer, -1};
}

/* As the guest rounds them: half a frame of RAM is no frame, and everything else takes whole frames. */
static void add_region(struct edges *edges, const struct info_region *region)
{
	uint64_t end = region->size > UINT64_MAX - region->addr ? UINT64_MAX
								: region->addr + region->size;
	uint64_t last = end / PAGE_SIZE + (end % PAGE_SIZE != 0);
	uint64_t first = region->addr / PAGE_SIZE + (region->addr % PAGE_SIZE != 0);

	if (region->type == E820_USABLE)
		add_layer(edges, LAYER_RAM, first, end / PAGE_SIZE);
	else if (region->size > 0)
		add_layer(edges, region->type == E820_ACPI_RECLAIMABLE ? LAYER_RAM : LAYER_RESERVED,
			  region->addr / PAGE_SIZE, last);
}

/* Returns false if the guest gives no map, or one that is not in the memory. */
static bool add_regions(struct edges *edges, const struct guest_memory *memory,
			const struct guest_view *view)
{
	size_t size = view->region_count * sizeof(struct info_region);
	struct info_region *regions = size ? malloc(size) : NULL;
	bool is_read = regions && guest_memory_copy(memory, view->regions, regions, size) == 0;

	for (unsigned i = 0; is_read && i < view->region_count; i++)
		add_region(edges, &regions[i]);
	free(regions);
	return is_read;
}

static void add_host(struct edges *edges, const struct guest_memory *memory)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	for (unsigned i = 0; i < map->count; i++) {
		uint64_t first = map->regions[i].base.addr / PAGE_SIZE;

		add_layer(edges, LAYER_HOST, first, first + map->regions[i].size / PAGE_SIZE);
	}
	guest_memory_read_end();
}

static int by_frame(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	return (a->frame > b->frame) - (a->frame < b->frame);
}

static struct ram_extent measure(struct edges *edges)
{
	struct ram_extent extent = {0};
	int layers[LAYER_COUNT] = {0};

	qsort(edges->list, edges->count, sizeof(edges->list[0]), by_frame);
	for (size_t i = 0; i + 1 < edges->count; i++) {
		uint64_t frames = edges->list[i + 1].frame - edges->list[i].frame;

		layers[edges->list[i].layer] += edges->list[i].step;
		bool is_usable = layers[LAYER_RAM] > 0 && layers[LAYER_RESERVED] == 0;
		bool is_here = layers[LAYER_HOST] > 0;

		if (is_usable || (is_here && layers[LAYER_RESERVED] > 0))
			extent.frames += frames;
		if (is_usable && !is_here)
			extent.missing += frames;
	}
	return extent;
}

struct ram_extent ram_extent_measure(const struct guest_memory *memory,
				     const struct guest_view *view)
{
	const struct ram_extent all = {.frames = view->slot_count};
	struct ram_extent extent = {0};
	struct edges *edges = malloc(sizeof(*edges));

	if (!edges)
		return all;
	edges->end = view->slot_count;
	edges->count = 0;
	if (add_regions(edges, memory, view)) {
		add_host(edges, memory);
		extent = measure(edges);
	}
	free(edges);
	return extent.frames ? extent : all;
}
