/* SPDX-License-Identifier: MPL-2.0 */
/* What a list of regions drops when there are too many: region_list_limit of region.h. */
#include "region.h"

#include <stddef.h>

/* More than any memory: the price of what must stay. */
#define NO_PRICE UINT64_MAX

static bool must_stay(const struct region *region)
{
	return region->kind >= REGION_KERNEL;
}

/* Allocatable memory that a region loses when it becomes reserved. Usable memory between such regions counts apart. */
static uint64_t reclaimable_bytes(const struct region *region)
{
	return region_kind_is_allocatable(region->kind) ? region->end - region->start : 0;
}

static uint64_t allocatable_bytes(struct region_list *list)
{
	struct region_walk walk;
	struct region part;
	uint64_t bytes = 0;

	region_walk_begin(&walk, list);
	while (region_walk_next(&walk, UINT64_MAX, &part))
		if (region_kind_is_allocatable(part.kind))
			bytes += part.end - part.start;
	return bytes;
}

/* Whether one of the regions before covers a region and is at least as strong. */
static bool is_covered(struct region *const *last, const struct region *region)
{
	for (unsigned kind = region->kind; kind < REGION_KIND_COUNT; kind++)
		if (last[kind] && last[kind]->end >= region->end)
			return true;
	return false;
}

/* Joins regions of one kind that touch, and takes out those that stronger ones cover. The list is sorted. */
static void tidy(struct region_list *list)
{
	struct region *last[REGION_KIND_COUNT] = {0}; /* of each kind */
	unsigned count = 0;

	for (unsigned i = 0; i < list->count; i++) {
		const struct region region = list->regions[i];
		struct region *before = last[region.kind];

		if (is_covered(last, &region))
			continue;
		if (before && before->end >= region.start) {
			before->end = region.end;
			continue;
		}
		list->regions[count] = region;
		last[region.kind] = &list->regions[count++];
	}
	list->count = count;
}

/*
 * What a pass over a tidy list knows of the regions before the next one. A guard is a region that keeps memory from
 * being usable and may become part of a reserved region: neither usable nor one that must stay.
 */
struct pass {
	bool has_guard;
	uint64_t guard_end; /* the largest end of the guards */
	uint64_t guard_reclaimable;
	uint64_t usable_end; /* usable regions do not overlap: the end of the last is the largest */
	uint64_t gap;        /* usable memory behind guard_end, up to usable_end */
};

static void pass_usable(struct pass *pass, const struct region *region)
{
	uint64_t start = pass->has_guard && pass->guard_end > region->start ? pass->guard_end
									    : region->start;

	if (region->end > start)
		pass->gap += region->end - start;
	pass->usable_end = region->end;
}

static void pass_guard(struct pass *pass, const struct region *region)
{
	if (pass->has_guard && region->end <= pass->guard_end)
		return;
	pass->has_guard = true;
	pass->guard_end = region->end;
	pass->guard_reclaimable = reclaimable_bytes(region);
	pass->gap = pass->usable_end > region->end ? pass->usable_end - region->end : 0;
}

/* The memory that it costs to make a guard and the one before a single region. */
static uint64_t price_of_guard(const struct pass *pass, const struct region *region)
{
	uint64_t price = pass->guard_reclaimable + reclaimable_bytes(region);

	if (!pass->has_guard)
		return NO_PRICE;
	if (region->start > pass->guard_end)
		price += pass->gap -
			 (pass->usable_end > region->start ? pass->usable_end - region->start : 0);
	return price;
}

/* The price of the list's next region, in bytes. */
static uint64_t next_price(struct pass *pass, const struct region *region)
{
	uint64_t price;

	if (must_stay(region))
		return NO_PRICE;
	if (region->kind == REGION_USABLE) {
		pass_usable(pass, region);
		return region->end - region->start;
	}
	price = price_of_guard(pass, region);
	pass_guard(pass, region);
	return price;
}

/* How many regions cost at most `limit`. */
static unsigned count_cheap(const struct region_list *list, uint64_t limit)
{
	struct pass pass = {0};
	unsigned count = 0;

	for (unsigned i = 0; i < list->count; i++)
		count += next_price(&pass, &list->regions[i]) <= limit;
	return count;
}

static uint64_t highest_price(const struct region_list *list)
{
	struct pass pass = {0};
	uint64_t highest = 0;

	for (unsigned i = 0; i < list->count; i++) {
		uint64_t price = next_price(&pass, &list->regions[i]);

		if (price != NO_PRICE && price > highest)
			highest = price;
	}
	return highest;
}

/* The lowest limit under which at least `wanted` regions fall; the highest price if all are fewer. */
static uint64_t find_limit(const struct region_list *list, unsigned wanted)
{
	uint64_t low = 0;
	uint64_t high = highest_price(list) / PAGE_SIZE;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (count_cheap(list, middle * PAGE_SIZE) >= wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return high * PAGE_SIZE;
}

/* Drops the `wanted` cheapest regions of a tidy list. A guard becomes part of the one that reaches furthest. */
static void drop_cheapest(struct region_list *list, unsigned wanted)
{
	const uint64_t limit = find_limit(list, wanted);
	unsigned cheaper = limit ? count_cheap(list, limit - PAGE_SIZE) : 0;
	unsigned equal = wanted -
			 cheaper; /* how many to drop of those that cost exactly the limit */
	struct region *guard = NULL;
	struct pass pass = {0};
	unsigned count = 0;

	for (unsigned i = 0; i < list->count; i++) {
		const struct region region = list->regions[i];
		bool is_guard = region.kind != REGION_USABLE && !must_stay(&region);
		uint64_t price = next_price(&pass, &region);

		if (price < limit || (price == limit && equal > 0)) {
			equal -= price == limit;
			if (is_guard) {
				guard->kind = REGION_RESERVED;
				if (region.end > guard->end)
					guard->end = region.end;
			}
			continue;
		}
		list->regions[count] = region;
		if (is_guard && (!guard || region.end > guard->end))
			guard = &list->regions[count];
		count++;
	}
	list->count = count;
}

void region_list_limit(struct region_list *list, unsigned max)
{
	struct region_walk walk;

	if (list->count <= max)
		return;
	region_walk_begin(&walk, list); /* sorts */
	tidy(list);

	const unsigned count = list->count;

	if (count <= max)
		return;

	const uint64_t bytes = allocatable_bytes(list);

	drop_cheapest(list, count - max);
	list->dropped += count - list->count;
	list->dropped_bytes += bytes - allocatable_bytes(list);
}
