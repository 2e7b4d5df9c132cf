/* SPDX-License-Identifier: MPL-2.0 */
/* The firmware's memory map: from its entries, of the types of E820, to regions of memory. */
#ifndef GUEST_MEMORY_MAP_H
#define GUEST_MEMORY_MAP_H

#include <pagevisor/info.h>
#include <pagevisor/pvh.h>

#include "pagemeta/region.h"

/* The kind of an E820 type; types that this kernel does not know are reserved. */
enum region_kind region_kind_of_e820(uint32_t type);

/*
 * Adds `count` entries to `regions`, which is empty, and writes what the host is to find to `published`, of
 * INFO_REGIONS_MAX entries. A map of at most so many is published as it was given. A longer one is cut with
 * region_list_limit, and both have the same. Returns the number of entries published.
 */
unsigned memory_map_read(const struct pvh_memmap_entry *entries, uint32_t count,
			 struct region_list *regions, struct info_region *published);

#endif
