/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor top` gathers in one look at a running guest: its counters, those of its allocator, its frames by state,
 * type and references, all of them or those that an expression means, a picture of all memory, and of a guest that traces
 * the busiest callers. What its kind does not tell stays empty.
 */
#ifndef VMM_TOP_SAMPLE_H
#define VMM_TOP_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "inspect/find/expression.h"
#include "inspect/map_image.h"
#include "kind/fields/type_catalog.h"
#include "kind/free_counts.h"
#include "kind/history.h"

/* Shared frames by references: 1, 2, 3-4, 5-8, ... and, in the last, all above. */
#define TOP_BUCKETS 8

/* Frames that the filter means. */
struct top_counts {
	struct frame_tally
		tally; /* of a pass over all frames: holes, reads and time are of the pass */
	uint64_t wild; /* in use, but of no type */
	uint64_t buckets[TOP_BUCKETS];
	uint64_t matches;
};

struct top_request {
	char filter[EXPRESSION_LENGTH_MAX + 1]; /* an expression of find, empty: all frames */
	enum map_by by;
	unsigned columns, rows; /* room for cells of the map; 0: no map is wanted */
	uint64_t interval_ns;
	bool is_paused;
};

/*
 * The guest that samples are taken of: found at the first look, refreshed at each. Starts with memory, hints and zeroes;
 * for one thread at a time.
 */
struct top_target {
	const struct guest_memory *memory;
	struct guest_hints hints;
	struct guest *guest; /* NULL: to be found */
	unsigned boot;       /* goes up whenever another boot is seen */
};

/* Outlives the guest that it is of. */
struct top_sample {
	uint64_t at_ns;
	unsigned boot; /* as the target had it: counters of two boots have nothing in common */
	char filter[EXPRESSION_LENGTH_MAX + 1];
	struct guest guest;           /* a copy, for its names and what its kind promises */
	struct type_catalog *catalog; /* NULL: nothing is known of fields */
	struct free_counts free;
	struct facts counters; /* none: it has none yet */
	struct top_counts counts;
	bool is_traced; /* the guest traces: who does most of it */
	struct call_sites sites;
	struct map_image map; /* cells is NULL: there is none */
	struct error problem; /* not empty: why there is nothing else */
};

/* The bucket of a count from 1 on. */
unsigned top_bucket(uint32_t references);

/* "3-4", "65+". */
const char *top_bucket_name(unsigned bucket);

/* As many cells as there is room for, in rows whose addresses are round numbers. */
struct map_grid top_map_grid(uint64_t frames, unsigned columns, unsigned rows);

/*
 * Looks once. The thread is registered with liburcu. `stop`, when it becomes true, ends the counting early. Returns 0;
 * -ECANCELED; or another negative errno with a text in `problem`. Whatever it returns, top_sample_clear is called at the
 * end.
 */
int top_sample_take(struct top_target *target, const struct top_request *request, const bool *stop,
		    struct top_sample *sample);

/*
 * The counting part, for a sample that has its copy of the guest, its filter, maybe a catalog, and zeroes else. Returns
 * as top_sample_take.
 */
int top_sample_count(const struct guest *guest, const bool *stop, struct top_sample *sample);

void top_target_release(struct top_target *target);

void top_sample_clear(struct top_sample *sample);

#endif
