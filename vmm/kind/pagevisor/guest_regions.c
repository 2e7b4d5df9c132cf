/* SPDX-License-Identifier: MPL-2.0 */
/* A guest's memory map: see guest_regions.h. */
#include "kind/pagevisor/guest_regions.h"

#include <errno.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/pvh.h>

#include "kind/pagevisor/guest_view.h"

/* Entries that are read at a time. */
#define PART_REGIONS 128

/* Whether a region is RAM that the guest uses, or can use once it is reclaimed. */
static bool is_ram(const struct info_region *region)
{
	return region->type == E820_USABLE || region->type == E820_ACPI_RECLAIMABLE;
}

static void add_region(const struct info_region *region, struct ram_ends *ends)
{
	uint64_t end = region->addr + region->size;
	uint64_t *place = region->addr >= HIGH_RAM_BASE ? &ends->high : &ends->low;

	if (is_ram(region) && end > region->addr && end > *place)
		*place = end;
}

int guest_regions_ends(const struct guest_info *info, guest_read read, void *own,
		       struct ram_ends *ends, struct error *err)
{
	struct info_region part[PART_REGIONS];
	int result = guest_view_check_abi(info, err);

	*ends = (struct ram_ends){0};
	if (result == 0 && info->boot_stage < STAGE_MEMORY)
		result = error_set(err, -EAGAIN, "the guest has not read its memory map yet");
	if (result == 0)
		result = guest_view_check_regions(info, err);
	if (result < 0)
		return result;
	for (uint32_t done = 0; done < info->region_count; done += PART_REGIONS) {
		uint32_t left = info->region_count - done;
		uint32_t count = left < PART_REGIONS ? left : PART_REGIONS;

		result = read(own, info->regions_pa + done * sizeof(part[0]), part,
			      count * sizeof(part[0]));
		if (result < 0)
			return error_set(err, result, "the guest's memory map cannot be read: %s",
					 strerror(-result));
		for (uint32_t i = 0; i < count; i++)
			add_region(&part[i], ends);
	}
	return 0;
}
