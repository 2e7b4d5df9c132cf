/* SPDX-License-Identifier: MPL-2.0 */
/* Finds a guest of ours: see guest_find.h. */
#include "source/libvirt/guest_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/info.h>
#include <pagevisor/layout.h>

/* The most that any of QEMU's machines has below 4 GiB (pc; q35 has less). */
#define LOW_RAM_MOST (UINT64_C(0xe0000000))

/*
 * What q35 has below 4 GiB at the least where it has more RAM than fits there. A map that is named past this, or past
 * the end of the RAM, is not read: a device may be there, and reading its registers can change it.
 */
#define LOW_RAM_LEAST (UINT64_C(2) << 30)

struct finder {
	guest_read read;
	void *own;
	uint64_t memory_bytes;
};

static int read_low(void *context, uint64_t address, void *buffer, size_t size)
{
	const struct finder *finder = context;
	uint64_t end = finder->memory_bytes < LOW_RAM_LEAST ? finder->memory_bytes : LOW_RAM_LEAST;

	if (address > end || size > end - address)
		return -EFAULT;
	return finder->read(finder->own, address, buffer, size);
}

/* With the memory map in place, if the ABI is this one; whatever else is said is checked by who uses it. */
static bool is_info(const struct guest_info *info)
{
	if (info->magic != INFO_MAGIC)
		return false;
	if (info->abi_version != INFO_ABI_VERSION)
		return info->info_size >= sizeof(struct info_head) && info->info_size <= PAGE_SIZE;
	return info->info_size == sizeof(*info) && info->boot_stage >= STAGE_MEMORY &&
	       info->region_count <= INFO_REGIONS_MAX;
}

/* The end of the last usable memory above 4 GiB is the end of the RAM; all the rest of it lies below. */
static void split(struct finder *finder, const struct guest_info *info, struct guest_place *place)
{
	struct ram_ends ends;
	struct error ignored;

	if (guest_regions_ends(info, read_low, finder, &ends, &ignored) < 0)
		return;
	uint64_t end = ends.high > ends.low ? ends.high : ends.low;
	uint64_t high = end > HIGH_RAM_BASE ? end - HIGH_RAM_BASE : 0;

	if (high >= finder->memory_bytes || high % PAGE_SIZE)
		return;
	place->high_size = high;
	place->low_size = finder->memory_bytes - high;
}

static void guess(uint64_t memory_bytes, struct guest_place *place)
{
	*place = (struct guest_place){.low_size = memory_bytes < LOW_RAM_MOST ? memory_bytes
									      : LOW_RAM_MOST};
}

int guest_find(guest_read read, void *own, uint64_t memory_bytes, size_t chunk,
	       struct guest_place *place)
{
	struct finder finder = {read, own, memory_bytes};
	uint64_t end = memory_bytes < GUEST_FIND_MAX ? memory_bytes : GUEST_FIND_MAX;
	uint8_t *buffer = malloc(chunk);
	int result = buffer ? 0 : -ENOMEM;

	guess(memory_bytes, place);
	for (uint64_t at = 0; result == 0 && at < end && !place->has_info; at += chunk) {
		size_t size = end - at < chunk ? (size_t)(end - at) : chunk;

		result = read(own, at, buffer, size);
		for (size_t i = 0; result == 0 && i + PAGE_SIZE <= size; i += PAGE_SIZE) {
			struct guest_info info;

			memcpy(&info, buffer + i, sizeof(info));
			if (!is_info(&info))
				continue;
			place->has_info = true;
			place->info = paddr(at + i);
			split(&finder, &info, place);
			break;
		}
	}
	free(buffer);
	if (place->low_size > LOW_RAM_MOST)
		guess(memory_bytes, place);
	return result;
}
