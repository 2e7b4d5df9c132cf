/* SPDX-License-Identifier: MPL-2.0 */
/* The busiest call sites of a guest's trace: see trace_sites.h. */
#include "kind/pagevisor/trace_sites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kind/pagevisor/guest_symbols.h"

/*
 * A hash table of callers. A kernel has a few hundred. If there are more, or the guest claims so, the rest count only
 * in the total.
 */
#define TABLE_BITS  12
#define TABLE_SIZE  (1U << TABLE_BITS)
#define PROBES_MAX  32
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio */

struct counter {
	uint64_t caller;
	uint64_t events; /* 0: free */
};

static void count(void *context, const struct frame_event *event)
{
	struct counter *table = context;
	uint64_t at = event->caller * HASH_FACTOR >> (64 - TABLE_BITS);

	for (unsigned i = 0; i < PROBES_MAX; i++) {
		struct counter *counter = &table[(at + i) % TABLE_SIZE];

		if (counter->events && counter->caller != event->caller)
			continue;
		counter->caller = event->caller;
		counter->events++;
		return;
	}
}

/* The most events first, then by address, so that sites of equal rank keep their places. */
static int compare(const void *left, const void *right)
{
	const struct counter *a = left;
	const struct counter *b = right;

	if (a->events != b->events)
		return a->events > b->events ? -1 : 1;
	return (a->caller > b->caller) - (a->caller < b->caller);
}

static void name_site(const struct symbols *symbols, struct call_site *site)
{
	const char *name;
	uint64_t offset;

	if (symbols_find(symbols, site->caller - 1, &name, &offset))
		snprintf(site->name, sizeof(site->name), "%.40s+0x%" PRIx64, name, offset + 1);
	else
		snprintf(site->name, sizeof(site->name), "0x%" PRIx64, site->caller);
}

int trace_sites_read(const struct guest_memory *memory, const struct guest_view *view,
		     struct call_sites *sites)
{
	struct counter *table = calloc(TABLE_SIZE, sizeof(*table));
	struct history_cursor cursor = {0};
	struct history_counts counts = {0};
	struct symbols symbols;
	int result = table ? trace_read(memory, view, &cursor, count, table, &counts) : -ENOMEM;

	*sites = (struct call_sites){.events = counts.events};
	if (result == 0) {
		qsort(table, TABLE_SIZE, sizeof(*table), compare);
		/* Without symbols the sites are named by their addresses. */
		guest_symbols_read(view, memory, &symbols);
		for (; sites->count < CALL_SITES_MAX && table[sites->count].events;
		     sites->count++) {
			struct call_site *site = &sites->sites[sites->count];

			site->caller = table[sites->count].caller;
			site->events = table[sites->count].events;
			name_site(&symbols, site);
		}
		symbols_free(&symbols);
	}
	free(table);
	return result;
}
