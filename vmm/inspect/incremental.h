/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scans that read only what has changed. The first scan reads everything. Each later one reads the records on those
 * pages of the array that the guest has written since, by the dirty log. A small sum kept for each page makes the
 * totals those of a full scan.
 *
 * The totals are exact for what was read: each record counts as it was when its page was last read, and the next scan
 * rereads every page written since. Pages with findings, or with records that were given up, are read each time, so
 * findings are current. Everything is read again after a failure, or if the guest's array, its types or its memory map
 * have changed.
 *
 * The cost to the guest is a fault on the first write to each page after each scan; to the host, 64 bytes for each page
 * of the array, 1/64 of it. Used by one thread.
 */
#ifndef VMM_INCREMENTAL_H
#define VMM_INCREMENTAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/tally.h"
#include "kind/kind.h"
#include "memory/control.h"

/* Sums over the records of one page: fewer than 256, so a byte holds each count and a cache line all of them. */
struct page_sums {
	uint64_t references;
	uint8_t states[FRAME_STATES_MAX];
	uint8_t holes;
	uint8_t types[FRAME_TYPES_MAX];
};

_Static_assert(sizeof(struct page_sums) == 64, "the sums of a page fill a cache line");

/* Starts as zeroes. */
struct incremental {
	const struct control *control; /* its dirty log is on; NULL: not begun */
	int reader;                    /* of the log */

	/* What the sums describe. */
	bool is_known; /* the sums are valid, and no write since is missing in `due` */
	uint64_t map_generation;
	const struct guest *guest; /* while it is updated */
	const struct kind *kind;
	uint64_t boot_id;
	unsigned type_count;
	struct frame_type types[FRAME_TYPES_MAX];
	struct record_run run; /* the array: one run */
	uint64_t page_count;   /* pages that the array spans */
	struct page_sums *pages;
	uint64_t *due;                /* a bit for each page: to be read */
	uint64_t *unsettled;          /* a bit for each page: has findings or slots given up */
	uint64_t *news;               /* buffer for reading the log */
	struct memory_budget *budget; /* of the guest's memory */
	uint64_t taken;               /* bytes of it, for the lists above */
	struct frame_tally sum;       /* of all pages; no counters, no time */
	uint64_t pages_read;          /* by the last scan */
};

/*
 * Turns on the guest's dirty log; the control must live until incremental_end. Returns 0; -ENOTSUP if there is no log,
 * which leaves full scans; or the error of the control. After an error nothing was begun.
 */
int incremental_begin(struct incremental *incremental, const struct control *control,
		      struct error *err);

/*
 * Adds up all frames of a guest, as guest_tally does; the counters and the time are those of this call alone. The
 * thread is registered with liburcu. Returns 0; -EFAULT if the records are no longer in memory; -ENOTSUP if they cannot
 * be read in pieces (they are copied, lie in several runs, or too many lie in a page); -ENOMEM; -E2BIG, see
 * base/memory_budget.h; or the error of the
 * dirty log. After an error `tally` and `findings` mean nothing, and the next call that succeeds reads everything.
 */
int incremental_update(struct incremental *incremental, const struct guest *guest,
		       struct frame_tally *tally, struct findings *findings, struct error *err);

/* The next call of incremental_update reads everything. */
void incremental_forget(struct incremental *incremental);

/* Turns off the log and forgets everything. Harmless if nothing was begun. */
void incremental_end(struct incremental *incremental);

#endif
