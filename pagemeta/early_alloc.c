/* SPDX-License-Identifier: MPL-2.0 */
/* The early allocator: see early_alloc.h. */
#include "early_alloc.h"

#include <pagevisor/layout.h>

static void keep_larger(struct early_range *range, uint64_t start, uint64_t end)
{
	if (start < end && end - start > range->end - range->start)
		*range = (struct early_range){start, start, end};
}

void early_alloc_init(struct early_allocator *early, const struct region_list *partition)
{
	const uint64_t border = BOOT_MAPPED_SIZE;

	*early = (struct early_allocator){0};
	for (unsigned i = 0; i < partition->count; i++) {
		const struct region *region = &partition->regions[i];

		if (region->kind != REGION_USABLE)
			continue;
		keep_larger(&early->low, region->start,
			    region->end < border ? region->end : border);
		keep_larger(&early->high, region->start > border ? region->start : border,
			    region->end);
	}
}

static bool range_alloc(struct early_range *range, uint64_t size, uint64_t align, paddr_t *out)
{
	uint64_t start = align_up(range->next, align);

	if (start < range->next || start > range->end || size > range->end - start)
		return false;
	if (range->next == range->start)
		range->start = start; /* nothing given out yet: what alignment skips stays free */
	range->next = start + size;
	*out = paddr(start);
	return true;
}

bool early_alloc(struct early_allocator *early, uint64_t size, uint64_t align, enum early_zone zone,
		 paddr_t *out)
{
	uint64_t rounded = align_up(size, PAGE_SIZE);

	if (early->retired || size == 0 || rounded < size)
		return false;
	if (zone == EARLY_ANY && range_alloc(&early->high, rounded, align, out))
		return true;
	return range_alloc(&early->low, rounded, align, out);
}

bool early_alloc_retire(struct early_allocator *early, struct region_list *list)
{
	early->retired = true;
	return region_list_add(list, early->low.start, early->low.next - early->low.start,
			       REGION_EARLY) &&
	       region_list_add(list, early->high.start, early->high.next - early->high.start,
			       REGION_EARLY);
}
