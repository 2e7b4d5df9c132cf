/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scans that read only what has changed: after a first scan of everything, each reads the slots on those pages of the
 * array that the guest has written since, by the dirty log, and keeps a small sum for each page so that the totals are
 * those of a full scan.
 *
 * The totals are exact for what was read: each slot counts as it was when its page was last read, and no page has been
 * written since without being read again by the next scan. Pages with findings or with slots that were given up are
 * read each time, so that findings are those of now. Everything is read again when the guest's array, its types or its
 * memory map are others than before, and after a failure.
 *
 * Costs the guest a fault on the first write to each page after each scan, and the host 64 bytes for each page of the
 * array, 1/64 of it. One thread.
 */
#ifndef VMM_INCREMENTAL_SCAN_H
#define VMM_INCREMENTAL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/scan.h"
#include "memory/control.h"
#include "memory/guest_memory.h"

/* The slots of one page of the array: no more than 64, so that a byte holds each count. */
struct page_sums {
	uint64_t references;
	uint8_t frames[REF_CLASS_COUNT];
	uint8_t types[META_TYPES_MAX];
	uint8_t holes;
};

/* Starts as zeroes. */
struct incremental_scan {
	const struct guest_memory *memory;
	const struct control *control; /* its dirty log is on; NULL: nothing was begun */
	int reader;                    /* of the log */

	/* What the sums are of. */
	bool is_known; /* they are of anything, and no write since is missing in `due` */
	uint64_t map_generation;
	struct guest_view view;
	uint64_t page_count; /* pages that the array lies in */
	struct page_sums *pages;
	uint64_t *due;       /* a bit for each page: to be read */
	uint64_t *unsettled; /* a bit for each page: has findings or slots given up */
	uint64_t *news;      /* room for what the log says */
	struct scan sum;     /* of all pages; no counters, no time */
	uint64_t pages_read; /* by the last scan */
};

/*
 * Turns the guest's dirty log on; memory and control stay until incremental_scan_end. Returns 0, -ENOTSUP when it has no
 * log (and full scans are what is left), or what the control reported. On failure nothing was begun.
 */
int incremental_scan_begin(struct incremental_scan *incremental, const struct guest_memory *memory,
			   const struct control *control, struct error *err);

/*
 * Scans, as scan_array does: totals in `scan`, whose counters and time are those of this scan alone. The thread is
 * registered with liburcu. Returns 0; -EFAULT, the array is no longer in RAM; -ENOMEM; or what the dirty log said. On
 * failure `scan` and `findings` mean nothing, and the next one that succeeds reads everything.
 */
int incremental_scan_update(struct incremental_scan *incremental, const struct guest_view *view,
			    struct scan *scan, struct findings *findings, struct error *err);

/* Turns the log off and forgets all. Nothing may have been begun. */
void incremental_scan_end(struct incremental_scan *incremental);

#endif
