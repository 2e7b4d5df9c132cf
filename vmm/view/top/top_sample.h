/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor top` gathers in one look at a running guest: its counters, those of its allocator, its frames by state,
 * type and references, all of them or those that an expression means, a picture of all memory, and of a guest that traces
 * the busiest callers.
 */
#ifndef VMM_TOP_SAMPLE_H
#define VMM_TOP_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/slot.h>

#include "base/error.h"
#include "inspect/find/expression.h"
#include "kind/pagevisor/allocator_counts.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"
#include "kind/pagevisor/trace_sites.h"
#include "inspect/map_image.h"
#include "kind/pagevisor/types/type_catalog.h"

/* Shared frames by references: 1, 2, 3-4, 5-8, ... and, in the last, all above. */
#define TOP_BUCKETS 8

struct top_counts {
	uint64_t frames[REF_CLASS_COUNT];
	uint64_t types[META_TYPES_MAX]; /* in use */
	uint64_t wild;                  /* in use, but of no type */
	uint64_t buckets[TOP_BUCKETS];
	uint64_t references;
	uint64_t matches; /* frames that were counted */
	uint64_t holes;   /* slots in memory that the guest never wrote: of no state */
};

struct top_request {
	char filter[EXPRESSION_LENGTH_MAX + 1]; /* an expression of find, empty: all frames */
	enum map_by by;
	unsigned columns, rows; /* room for cells of the map; 0: no map is wanted */
	uint64_t interval_ns;
	bool is_paused;
};

struct top_sample {
	uint64_t at_ns;
	char filter[EXPRESSION_LENGTH_MAX + 1];
	struct guest_view view;
	struct type_catalog *catalog; /* NULL: nothing is known of fields */
	struct allocator_counts allocator;
	bool has_counters;
	struct cpu_counters counters;
	struct top_counts counts;
	bool is_traced; /* the guest traces: who does most of it */
	struct trace_sites sites;
	struct read_counters reads; /* of the counting pass, as is the time */
	uint64_t duration_ns;
	struct map_image map; /* cells is NULL: there is none */
	struct error problem; /* not empty: why there is nothing else */
};

/* The bucket of a count from 1 on. */
unsigned top_bucket(uint32_t references);

/* "3-4", "65+". */
const char *top_bucket_name(unsigned bucket);

/* As many cells as there is room for, in rows whose addresses are round numbers. */
struct map_grid top_map_grid(uint64_t slots, unsigned columns, unsigned rows);

/*
 * Looks once. The thread is registered with liburcu; read-side sections cover a few thousand slots. `stop`, when it
 * becomes true, ends the counting early. Returns 0; -ECANCELED; or another negative errno with a text in `problem`.
 * Whatever it returns, top_sample_clear is called at the end.
 */
int top_sample_take(const struct guest_memory *memory, paddr_t info,
		    const struct top_request *request, const bool *stop, struct top_sample *sample);

/* The counting part, for a sample that has its view, its filter, maybe a catalog, and zeroes else. Returns as top_sample_take. */
int top_sample_count(const struct guest_memory *memory, const bool *stop,
		     struct top_sample *sample);

void top_sample_clear(struct top_sample *sample);

#endif
