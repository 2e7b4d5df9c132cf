/* SPDX-License-Identifier: MPL-2.0 */
/* Memory regions: see region.h. */
#include "region.h"

#include <pagevisor/pvh.h>

enum region_kind region_kind_of_e820(uint32_t type)
{
	switch (type) {
	case E820_USABLE:
		return REGION_USABLE;
	case E820_ACPI_RECLAIMABLE:
		return REGION_ACPI_RECLAIMABLE;
	case E820_ACPI_NVS:
		return REGION_ACPI_NVS;
	case E820_NON_VOLATILE:
		return REGION_NON_VOLATILE;
	case E820_UNUSABLE:
		return REGION_UNUSABLE;
	default:
		return REGION_RESERVED;
	}
}

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
	if (list->count == REGIONS_MAX)
		return false;
	list->regions[list->count++] = (struct region){addr, end, kind};
	return true;
}

uint64_t region_list_max_paddr(const struct region_list *list)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < list->count; i++) {
		const struct region *region = &list->regions[i];

		if (region->kind == REGION_USABLE && region->end > max)
			max = region->end;
	}
	return max;
}

/* The strongest kind that covers addr, and where this answer may change next (at most `limit`). */
static enum region_kind kind_at(const struct region_list *list, uint64_t addr, uint64_t limit,
				uint64_t *next)
{
	enum region_kind kind = REGION_HOLE;

	*next = limit;
	for (unsigned i = 0; i < list->count; i++) {
		const struct region *region = &list->regions[i];
		uint64_t edge = region->start > addr ? region->start : region->end;

		if (edge > addr && edge < *next)
			*next = edge;
		if (region->start <= addr && addr < region->end && region->kind > kind)
			kind = region->kind;
	}
	return kind;
}

bool region_partition(const struct region_list *list, uint64_t end, struct region_list *partition)
{
	uint64_t next;

	partition->count = 0;
	for (uint64_t addr = 0; addr < end; addr = next) {
		enum region_kind kind = kind_at(list, addr, end, &next);
		struct region *last = partition->count ? &partition->regions[partition->count - 1]
						       : NULL;

		if (last && last->kind == kind) {
			last->end = next;
			continue;
		}
		if (partition->count == REGIONS_MAX)
			return false;
		partition->regions[partition->count++] = (struct region){addr, next, kind};
	}
	return true;
}
