/* SPDX-License-Identifier: MPL-2.0 */
/* The early allocator: see early_alloc.h. */
#include "early_alloc.h"

#include <pagemeta_platform.h>

/* Regions that early_alloc_retire adds for each range. */
#define PIECES 2

static void keep_larger(struct early_range *range, uint64_t start, uint64_t end)
{
	if (start < end && end - start > range->end - range->start)
		*range = (struct early_range){.start = start, .next = start, .end = end};
}

static void offer(struct early_allocator *early, const struct region *usable)
{
	const uint64_t border = PLATFORM_EARLY_LIMIT;

	keep_larger(&early->low, usable->start, usable->end < border ? usable->end : border);
	keep_larger(&early->high, usable->start > border ? usable->start : border, usable->end);
}

/* A walk may give one run of usable memory as several parts: each part offers the run up to its end. */
bool early_alloc_init(struct early_allocator *early, struct region_list *list)
{
	struct region run = {.kind = REGION_USABLE};
	struct region_walk walk;
	struct region part;

	if (early->state != EARLY_UNSET)
		return false;
	*early = (struct early_allocator){.state = EARLY_READY};
	region_walk_begin(&walk, list);
	while (region_walk_next(&walk, UINT64_MAX, &part)) {
		if (part.kind != REGION_USABLE)
			continue;
		if (run.end != part.start)
			run.start = part.start;
		run.end = part.end;
		offer(early, &run);
	}
	return true;
}

bool early_alloc_fits(const struct early_allocator *early, struct region_list *list)
{
	const struct early_range *const ranges[] = {&early->low, &early->high};
	struct region_walk walk;
	struct region part;

	region_walk_begin(&walk, list);
	while (region_walk_next(&walk, UINT64_MAX, &part))
		for (unsigned i = 0; i < 2 && part.kind != REGION_USABLE; i++)
			if (ranges[i]->start < part.end && part.start < ranges[i]->end)
				return false;
	return true;
}

static void skip(struct early_range *range, uint64_t start, uint64_t end)
{
	if (end - start > range->gap_end - range->gap_start) {
		range->gap_start = start;
		range->gap_end = end;
	}
}

static bool range_alloc(struct early_range *range, uint64_t size, uint64_t align, paddr_t *out)
{
	uint64_t start = align_up(range->next, align);

	if (start < range->next || start > range->end || size > range->end - start)
		return false;
	skip(range, range->next, start);
	range->next = start + size;
	*out = paddr(start);
	return true;
}

bool early_alloc(struct early_allocator *early, uint64_t size, uint64_t align, enum early_zone zone,
		 paddr_t *out)
{
	uint64_t rounded = align_up(size, PAGE_SIZE);

	if (early->state != EARLY_READY || size == 0 || rounded < size)
		return false;
	if (zone == EARLY_ANY && range_alloc(&early->high, rounded, align, out))
		return true;
	return range_alloc(&early->low, rounded, align, out);
}

/* Adds the pieces before and after the gap. Without a gap, it lies at address 0, and the first piece is all. */
static bool list_range(const struct early_range *range, struct region_list *list)
{
	bool has_gap = range->gap_end > range->gap_start;
	uint64_t first_end = has_gap ? range->gap_start : range->next;

	return region_list_add(list, range->start, first_end - range->start, REGION_EARLY) &&
	       (!has_gap ||
		region_list_add(list, range->gap_end, range->next - range->gap_end, REGION_EARLY));
}

bool early_alloc_retire(struct early_allocator *early, struct region_list *list)
{
	if (early->state != EARLY_READY)
		return false;
	if (list->count > REGION_PARTS_MAX - 2 * PIECES)
		region_list_limit(list, REGIONS_MAX);
	if (list->count > REGION_PARTS_MAX - 2 * PIECES || !list_range(&early->low, list) ||
	    !list_range(&early->high, list))
		return false;
	early->state = EARLY_RETIRED;
	return true;
}
