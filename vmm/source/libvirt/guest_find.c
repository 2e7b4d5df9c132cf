/* SPDX-License-Identifier: MPL-2.0 */
/* Finds a guest of ours: see guest_find.h. */
#include "source/libvirt/guest_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/info.h>
#include <pagevisor/layout.h>
#include <pagevisor/pvh.h>

/* The most that any of QEMU's machines has below 4 GiB (pc; q35 has less). */
#define LOW_RAM_MOST (UINT64_C(0xe0000000))

/* A stage at which the memory map is there; whatever else is said is checked by who uses it. */
static bool is_info(const uint8_t *page)
{
	struct guest_info info;

	memcpy(&info, page, sizeof(info));
	return info.magic == INFO_MAGIC && info.info_size == sizeof(info) &&
	       info.boot_stage >= STAGE_MEMORY && info.region_count <= INFO_REGIONS_MAX;
}

/* The end of the last usable memory above 4 GiB is the end of the RAM; all the rest of it lies below. */
static void split(const uint8_t *page, uint64_t memory_bytes, struct guest_place *place)
{
	struct guest_info info;
	uint64_t high = 0;

	memcpy(&info, page, sizeof(info));
	for (unsigned i = 0; i < info.region_count; i++) {
		const struct info_region *region = &info.regions[i];
		uint64_t end = region->addr + region->size;

		if (region->type == E820_USABLE && end > region->addr && end > HIGH_RAM_BASE &&
		    end - HIGH_RAM_BASE > high)
			high = end - HIGH_RAM_BASE;
	}
	if (high >= memory_bytes || high % PAGE_SIZE)
		return;
	place->high_size = high;
	place->low_size = memory_bytes - high;
}

static void guess(uint64_t memory_bytes, struct guest_place *place)
{
	*place = (struct guest_place){.low_size = memory_bytes < LOW_RAM_MOST ? memory_bytes
									      : LOW_RAM_MOST};
}

int guest_find(guest_read read, void *own, uint64_t memory_bytes, size_t chunk,
	       struct guest_place *place)
{
	uint64_t end = memory_bytes < GUEST_FIND_MAX ? memory_bytes : GUEST_FIND_MAX;
	uint8_t *buffer = malloc(chunk);
	int result = buffer ? 0 : -ENOMEM;

	guess(memory_bytes, place);
	for (uint64_t at = 0; result == 0 && at < end && !place->has_info; at += chunk) {
		size_t size = end - at < chunk ? (size_t)(end - at) : chunk;

		result = read(own, at, buffer, size);
		for (size_t i = 0; result == 0 && i + PAGE_SIZE <= size; i += PAGE_SIZE) {
			if (!is_info(buffer + i))
				continue;
			place->has_info = true;
			place->info = paddr(at + i);
			split(buffer + i, memory_bytes, place);
			break;
		}
	}
	free(buffer);
	if (place->low_size > LOW_RAM_MOST)
		guess(memory_bytes, place);
	return result;
}
