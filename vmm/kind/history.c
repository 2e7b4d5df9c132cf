/* SPDX-License-Identifier: MPL-2.0 */
/* What was done to a guest's frames: see history.h. */
#include "kind/history.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/kind.h"

#define KHZ_NS 1000000 /* nanoseconds in a tick of a 1 kHz clock */

static void make_empty(struct frame_history *histories, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		histories[i] = (struct frame_history){.pfn = histories[i].pfn};
}

bool guest_keeps_history(const struct guest *guest)
{
	return guest->kind->history && guest->kind->history->is_kept(guest);
}

int guest_history(const struct guest *guest, struct history_cursor *cursor,
		  struct frame_history *histories, unsigned count, unsigned limit,
		  struct history_counts *counts)
{
	struct history_cursor from_start = {0};

	make_empty(histories, count);
	if (!guest->kind->history)
		return -ENODATA;
	return guest->kind->history->read(guest, cursor ? cursor : &from_start, histories, count,
					  limit, counts);
}

void history_free(struct frame_history *history)
{
	free(history->events);
	*history = (struct frame_history){.pfn = history->pfn};
}

uint64_t history_ns_between(const struct frame_history *history, uint64_t from, uint64_t to)
{
	if (history->clock_khz == 0 || to < from)
		return 0;

	unsigned __int128 ns = (unsigned __int128)(to - from) * KHZ_NS / history->clock_khz;

	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

int guest_call_sites(const struct guest *guest, struct call_sites *sites)
{
	*sites = (struct call_sites){0};
	return guest->kind->history ? guest->kind->history->call_sites(guest, sites) : -ENODATA;
}

int guest_symbols(const struct guest *guest, struct symbols *symbols)
{
	*symbols = (struct symbols){0};
	return guest->kind->history ? guest->kind->history->symbols(guest, symbols) : 0;
}
