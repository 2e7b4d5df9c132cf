/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor top` gathers in one look at a running guest: the guest's counters and its allocator's; its frames by
 * state, type and references, all of them or those matching an expression; a picture of all memory, in which
 * they are marked; what the host keeps of it; what has its memory, row by row; and, if the guest
 * traces, the busiest callers. What the guest's kind does not provide stays empty.
 */
#ifndef VMM_TOP_SAMPLE_H
#define VMM_TOP_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "inspect/find/expression.h"
#include "inspect/holding.h"
#include "inspect/life_watch.h"
#include "inspect/map_image.h"
#include "kind/fields/type_catalog.h"
#include "kind/free_counts.h"
#include "kind/history.h"
#include "view/top/top_rows.h"

/* Shared frames by references: 1, 2, 3-4, 5-8, ...; the last bucket has all above. */
#define TOP_BUCKETS 8

/* Frames that match the filter. */
struct top_counts {
	struct frame_tally
		tally; /* of a pass over all frames: holes, reads and time cover the whole pass */
	uint64_t wild; /* in use, but of no type */
	uint64_t buckets[TOP_BUCKETS];
	uint64_t matches;
	uint64_t host_frames; /* that the host holds, whether they match or not */
};

struct top_request {
	char filter[EXPRESSION_LENGTH_MAX + 1]; /* an expression as in find; empty: all frames */
	enum map_by by;
	unsigned columns, rows; /* room for cells of the map; 0: no map */
	struct top_rows_request table;
	uint64_t interval_ns;
	bool is_paused;
};

/*
 * The guest to sample: found at the first look, refreshed at each later one. Set memory and hints, and zero the rest.
 * For one thread at a time.
 */
struct top_target {
	const struct guest_memory *memory;
	struct guest_hints hints;
	struct guest *guest; /* NULL: not found yet */
	struct life_watch life;
	unsigned
		boot; /* goes up whenever the guest has restarted, or an earlier state of it was loaded */
	enum life_event event; /* the last one of these */
	struct top_rows_base base;
	struct holding held;
	uint64_t held_until_ns; /* it is not counted again before */
};

/* Outlives the guest that it is a sample of. */
struct top_sample {
	uint64_t at_ns;
	unsigned boot; /* as in the target: counters of two boots are unrelated */
	enum life_event event;
	uint64_t position; /* in the guest's life */
	char filter[EXPRESSION_LENGTH_MAX + 1];
	struct guest guest;           /* a copy, for its names and what its kind promises */
	struct type_catalog *catalog; /* NULL: the fields are not known */
	struct free_counts free;
	struct facts counters; /* empty: the guest has none yet */
	struct top_counts counts;
	bool is_traced; /* the guest traces; `sites` has its busiest callers */
	struct call_sites sites;
	struct map_image map; /* cells is NULL: no map */
	struct holding held;  /* of this look, or of one shortly before */
	struct top_rows rows;
	uint64_t took_ns;     /* all of the look */
	int result;           /* what top_sample_take returned */
	struct error problem; /* not empty: why the rest is missing */
};

/* The bucket of a count, which is at least 1. */
unsigned top_bucket(uint32_t references);

/* "3-4", "65+". */
const char *top_bucket_name(unsigned bucket);

/* As many cells as fit, in rows whose addresses are round numbers. */
struct map_grid top_map_grid(uint64_t frames, unsigned columns, unsigned rows);

/*
 * Looks once. The thread is registered with liburcu. When `stop` becomes true, the counting ends early. Returns 0;
 * -ECANCELED; or another negative errno with a text in `problem`: -EAGAIN the guest boots, -ESTALE it restarted during
 * the look. Whatever it returns, the caller calls
 * top_sample_clear at the end.
 */
int top_sample_take(struct top_target *target, const struct top_request *request, const bool *stop,
		    struct top_sample *sample);

/*
 * The counting part. The sample has its copy of the guest, its filter, perhaps a catalog, and zeroes otherwise. Returns
 * as top_sample_take.
 */
int top_sample_count(const struct guest *guest, const bool *stop, struct top_sample *sample);

void top_target_release(struct top_target *target);

void top_sample_clear(struct top_sample *sample);

#endif
