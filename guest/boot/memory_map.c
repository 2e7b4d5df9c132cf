/* SPDX-License-Identifier: MPL-2.0 */
/* The firmware's memory map: see memory_map.h. */
#include "boot/memory_map.h"

/* The types with a kind of their own. */
static const struct {
	uint32_t type;
	enum region_kind kind;
} kinds[] = {
	{E820_USABLE, REGION_USABLE},
	{E820_RESERVED, REGION_RESERVED},
	{E820_ACPI_RECLAIMABLE, REGION_ACPI_RECLAIMABLE},
	{E820_ACPI_NVS, REGION_ACPI_NVS},
	{E820_UNUSABLE, REGION_UNUSABLE},
	{E820_NON_VOLATILE, REGION_NON_VOLATILE},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

enum region_kind region_kind_of_e820(uint32_t type)
{
	for (unsigned i = 0; i < KIND_COUNT; i++)
		if (kinds[i].type == type)
			return kinds[i].kind;
	return REGION_RESERVED;
}

static uint32_t e820_of_kind(enum region_kind kind)
{
	for (unsigned i = 0; i < KIND_COUNT; i++)
		if (kinds[i].kind == kind)
			return kinds[i].type;
	return E820_RESERVED;
}

static void publish_regions(const struct region_list *regions, struct info_region *published)
{
	for (unsigned i = 0; i < regions->count; i++) {
		const struct region *region = &regions->regions[i];

		published[i] = (struct info_region){.addr = region->start,
						    .size = region->end - region->start,
						    .type = e820_of_kind(region->kind)};
	}
}

unsigned memory_map_read(const struct pvh_memmap_entry *entries, uint32_t count,
			 struct region_list *regions, struct info_region *published)
{
	/* No kind of E820 is one that a list must keep, so a full list is cut and never refuses. */
	for (uint32_t i = 0; i < count; i++) {
		const struct pvh_memmap_entry entry = entries[i];
		bool added = region_list_add(regions, entry.addr, entry.size,
					     region_kind_of_e820(entry.type));

		(void)added;
		if (count <= INFO_REGIONS_MAX)
			published[i] = (struct info_region){
				.addr = entry.addr, .size = entry.size, .type = entry.type};
	}
	if (count <= INFO_REGIONS_MAX)
		return count;
	region_list_limit(regions, INFO_REGIONS_MAX);
	publish_regions(regions, published);
	return regions->count;
}
