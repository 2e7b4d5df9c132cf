/* SPDX-License-Identifier: MPL-2.0 */
/* Memory regions: lists, walks and partitions; see region.h. What a list drops is in region_limit.c. */
#include "region.h"

#include <stddef.h>

bool region_list_add(struct region_list *list, uint64_t addr, uint64_t size, enum region_kind kind)
{
	const uint64_t last_page = align_down(UINT64_MAX, PAGE_SIZE);
	uint64_t end = addr + size;

	if (end < addr || end > last_page)
		end = last_page;
	if (kind == REGION_USABLE) {
		if (addr > last_page)
			return true;
		addr = align_up(addr, PAGE_SIZE);
		end = align_down(end, PAGE_SIZE);
	} else {
		addr = align_down(addr, PAGE_SIZE);
		end = align_up(end, PAGE_SIZE);
	}
	if (size == 0 || addr >= end)
		return true;
	if (list->count == REGION_PARTS_MAX)
		region_list_limit(list, REGIONS_MAX);
	if (list->count == REGION_PARTS_MAX)
		return false;
	list->regions[list->count++] = (struct region){addr, end, kind};
	return true;
}

uint64_t region_list_max_paddr(const struct region_list *list)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < list->count; i++) {
		const struct region *region = &list->regions[i];

		if (region_kind_is_ram(region->kind) && region->end > max)
			max = region->end;
	}
	return max;
}

/* By their start; of several that start together, the strongest first. */
static bool is_before(const struct region *a, const struct region *b)
{
	return a->start != b->start ? a->start < b->start : a->kind > b->kind;
}

/* Moves the region at `at` down a heap of `count` regions, whose last region comes first. */
static void sift_down(struct region *regions, unsigned at, unsigned count)
{
	struct region moved = regions[at];

	for (unsigned child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_before(&regions[child], &regions[child + 1]))
			child++;
		if (!is_before(&moved, &regions[child]))
			break;
		regions[at] = regions[child];
	}
	regions[at] = moved;
}

static bool is_sorted(const struct region_list *list)
{
	for (unsigned i = 1; i < list->count; i++)
		if (is_before(&list->regions[i], &list->regions[i - 1]))
			return false;
	return true;
}

/* A heapsort: it takes no memory, and no order of the regions makes it slow. */
static void sort(struct region_list *list)
{
	if (is_sorted(list))
		return;
	for (unsigned at = list->count / 2; at-- > 0;)
		sift_down(list->regions, at, list->count);
	for (unsigned last = list->count - 1; last > 0; last--) {
		struct region largest = list->regions[0];

		list->regions[0] = list->regions[last];
		list->regions[last] = largest;
		sift_down(list->regions, 0, last);
	}
}

void region_walk_begin(struct region_walk *walk, struct region_list *list)
{
	sort(list);
	*walk = (struct region_walk){.list = list};
}

/*
 * Of the regions that have begun, those of one kind cover an address if and only if the largest of their ends lies
 * behind it. So one number for each kind stands for all of them.
 */
bool region_walk_next(struct region_walk *walk, uint64_t end, struct region *part)
{
	const struct region_list *list = walk->list;
	const uint64_t addr = walk->addr;

	if (addr >= end)
		return false;
	for (; walk->next < list->count && list->regions[walk->next].start <= addr; walk->next++) {
		const struct region *region = &list->regions[walk->next];

		if (region->end > walk->reach[region->kind])
			walk->reach[region->kind] = region->end;
	}
	*part = (struct region){addr, end, REGION_HOLE};
	if (walk->next < list->count && list->regions[walk->next].start < end)
		part->end = list->regions[walk->next].start;
	for (unsigned kind = REGION_USABLE; kind < REGION_KIND_COUNT; kind++) {
		if (walk->reach[kind] <= addr)
			continue;
		part->kind = (enum region_kind)kind;
		if (walk->reach[kind] < part->end)
			part->end = walk->reach[kind];
	}
	walk->addr = part->end;
	return true;
}

bool region_partition(struct region_list *list, uint64_t end, struct region_list *partition)
{
	struct region_walk walk;
	struct region part;

	region_walk_begin(&walk, list);
	partition->count = 0;
	partition->dropped = list->dropped;
	partition->dropped_bytes = list->dropped_bytes;
	while (region_walk_next(&walk, end, &part)) {
		struct region *last = partition->count ? &partition->regions[partition->count - 1]
						       : NULL;

		if (last && last->kind == part.kind) {
			last->end = part.end;
			continue;
		}
		if (partition->count == REGION_PARTS_MAX)
			return false;
		partition->regions[partition->count++] = part;
	}
	return true;
}
