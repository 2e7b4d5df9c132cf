/* SPDX-License-Identifier: MPL-2.0 */
/* Takes over a saved guest: see adopt.h. */
#include "manage/adopt.h"

#include <pagevisor/keeper.h>

#include "kind/claims.h"
#include "manage/host_slot.h"
#include "manage/keeper_window.h"

static uint64_t release_range(const struct memory_map *map, paddr_t array,
			      const struct frame_range *range)
{
	struct window window;
	uint64_t released = 0;

	for (uint64_t first = range->start; first < range->end; first = window.end) {
		window_open(&window, map, array, first, range->end);
		for (uint64_t frame = first; frame < window.end; frame++) {
			struct meta_slot *slot = window_slot(&window, frame);

			released += slot && host_slot_release(slot);
		}
	}
	return released;
}

/*
 * Says that whatever was asked for was given, and that nobody holds anything. More hints than there are: the guest looks at
 * all that it has put aside.
 */
static void tell_guest(const struct memory_map *map, paddr_t at)
{
	struct keeper_page *page = memory_map_at(map, at, sizeof(*page));

	if (!page)
		return;
	__atomic_store_n(&page->hint_head, page->hint_head + KEEPER_HINTS, __ATOMIC_RELAXED);
	__atomic_store_n(&page->released, page->released + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&page->answered, page->asked, __ATOMIC_RELAXED);
	__atomic_store_n(&page->keeper, (uint32_t)KEEPER_NONE, __ATOMIC_RELEASE);
}

uint64_t adopt_guest(const struct guest_memory *memory, const struct guest *guest)
{
	struct claims claims = {0};
	struct error ignored;
	uint64_t released = 0;

	if (guest_claims_read(guest, &claims, &ignored) < 0)
		return 0;
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	for (unsigned i = 0; i < claims.range_count; i++)
		released += release_range(map, claims.array, &claims.ranges[i]);
	if (claims.keeper.addr)
		tell_guest(map, claims.keeper);
	guest_memory_read_end();
	return released;
}
