/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scans that read only what has changed: after a first scan of everything, each reads the records on those pages of the
 * array that the guest has written since, by the dirty log, and keeps a small sum for each page so that the totals are
 * those of a full scan.
 *
 * The totals are exact for what was read: each record counts as it was when its page was last read, and no page has been
 * written since without being read again by the next scan. Pages with findings or with records that were given up are
 * read each time, so that findings are those of now. Everything is read again when the guest's array, its types or its
 * memory map are others than before, and after a failure.
 *
 * Costs the guest a fault on the first write to each page after each scan, and the host 64 bytes for each page of the
 * array, 1/64 of it. One thread.
 */
#ifndef VMM_INCREMENTAL_H
#define VMM_INCREMENTAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/tally.h"
#include "kind/kind.h"
#include "memory/control.h"

/* The records of one page: fewer than 256, so that a byte holds each count, and a cache line all of them. */
struct page_sums {
	uint64_t references;
	uint8_t states[FRAME_STATES_MAX];
	uint8_t holes;
	uint8_t types[FRAME_TYPES_MAX];
};

_Static_assert(sizeof(struct page_sums) == 64, "the sums of a page fill a cache line");

/* Starts as zeroes. */
struct incremental {
	const struct control *control; /* its dirty log is on; NULL: nothing was begun */
	int reader;                    /* of the log */

	/* What the sums are of. */
	bool is_known; /* they are of anything, and no write since is missing in `due` */
	uint64_t map_generation;
	const struct guest *guest; /* while it is updated */
	const struct kind *kind;
	uint64_t boot_id;
	unsigned type_count;
	struct frame_type types[FRAME_TYPES_MAX];
	struct record_run run; /* the array: one run */
	uint64_t page_count;   /* pages that it lies in */
	struct page_sums *pages;
	uint64_t *due;          /* a bit for each page: to be read */
	uint64_t *unsettled;    /* a bit for each page: has findings or slots given up */
	uint64_t *news;         /* room for what the log says */
	struct frame_tally sum; /* of all pages; no counters, no time */
	uint64_t pages_read;    /* by the last scan */
};

/*
 * Turns the guest's dirty log on; the control stays until incremental_end. Returns 0, -ENOTSUP when it has no log (and
 * full scans are what is left), or what the control reported. On failure nothing was begun.
 */
int incremental_begin(struct incremental *incremental, const struct control *control,
		      struct error *err);

/*
 * Adds up all frames of a guest, as guest_tally does; the counters and the
 * time are those of this call alone. The thread is registered with liburcu. Returns 0; -EFAULT, the records are no longer
 * in memory; -ENOTSUP, they cannot be read in pieces (they are copied, lie in several runs, or too many lie in a page);
 * -ENOMEM; or what the dirty log said. On failure `tally` and `findings` mean nothing, and the next call that succeeds
 * reads everything.
 */
int incremental_update(struct incremental *incremental, const struct guest *guest,
		       struct frame_tally *tally, struct findings *findings, struct error *err);

/* Turns the log off and forgets all. Nothing may have been begun. */
void incremental_end(struct incremental *incremental);

#endif
