/* SPDX-License-Identifier: MPL-2.0 */
/* Where the guest of a domain describes itself: see domain_place.h. */
#include "source/libvirt/domain_place.h"

#include <errno.h>

#include <pagevisor/layout.h>

#include "kind/registry.h"
#include "memory/guest_memory.h"

/* Maximum RAM below 4 GiB on any QEMU machine (pc; q35 has less). */
#define LOW_RAM_MOST (UINT64_C(0xe0000000))

/*
 * Minimum RAM below 4 GiB on q35 when the RAM does not all fit there. Until the split is known, nothing past this, or
 * past the end of the RAM, is read: a device may be there, and reading its registers can change it.
 */
#define LOW_RAM_LEAST (UINT64_C(2) << 30)

struct finder {
	domain_read *read;
	void *own;
};

static int read_low(void *context, paddr_t pa, void *buffer, size_t size)
{
	const struct finder *finder = context;

	return finder->read(finder->own, pa.addr, buffer, size);
}

/*
 * The last usable region above 4 GiB ends where the RAM ends; the rest of the RAM lies below. Returns false when the
 * rest does not fit there: the description found belongs to another machine.
 */
static bool split(const struct ram_ends *ends, uint64_t memory_bytes, struct domain_place *place)
{
	uint64_t end = ends->high > ends->low ? ends->high : ends->low;
	uint64_t high = end > HIGH_RAM_BASE ? end - HIGH_RAM_BASE : 0;

	if (high >= memory_bytes || high % PAGE_SIZE)
		return true;
	if (memory_bytes - high > LOW_RAM_MOST)
		return false;
	place->high_size = high;
	place->low_size = memory_bytes - high;
	return true;
}

/* Searches the RAM that exists whatever the split. */
static int find_in_low(struct guest_memory *memory, uint64_t memory_bytes, bool is_costly,
		       struct domain_place *place)
{
	const struct guest_hints hints = {.search_end = DOMAIN_SEARCH_END, .is_costly = is_costly};
	struct guest_place found = {0};
	struct error ignored;
	int result = guest_locate(memory, &hints, &found, &ignored);

	if (result < 0)
		return result == -ENODATA || result == -EAGAIN ? 0 : result;
	place->has_info = !found.has_ends || split(&found.ends, memory_bytes, place);
	place->info = found.info;
	return 0;
}

int domain_place_find(domain_read *read, void *own, uint64_t memory_bytes, size_t chunk,
		      bool is_costly, struct domain_place *place)
{
	struct finder finder = {read, own};
	uint64_t low = memory_bytes < LOW_RAM_LEAST ? memory_bytes : LOW_RAM_LEAST;
	struct guest_memory memory;
	struct error ignored;
	int result = guest_memory_init(&memory, &ignored);

	*place = (struct domain_place){.low_size = memory_bytes < LOW_RAM_MOST ? memory_bytes
									       : LOW_RAM_MOST};
	if (result < 0)
		return result;
	const struct memory_reader reader = {.read = read_low, .own = &finder, .chunk = chunk};

	result = guest_memory_add_copied(&memory, paddr(0), low, &reader, &ignored);
	if (result == 0)
		result = find_in_low(&memory, memory_bytes, is_costly, place);
	guest_memory_destroy(&memory);
	return result;
}
