/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rows of a breakdown in `pagevisor top`: what has a guest's memory, each look anew, and how much each row has grown since
 * the look before or, if it is asked for, since one that is kept. Rows are compared by what they are of (breakdown_diff.h).
 */
#ifndef VMM_TOP_ROWS_H
#define VMM_TOP_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"
#include "kind/breakdown.h"

#define TOP_ROWS_MAX 65536 /* of a sample: of more, the largest and those that changed most */

struct top_rows_request {
	bool is_asked;
	enum breakdown_by by;
	bool keeps_base; /* changes are since the look that was the last one when this was first asked */
};

struct top_growth {
	int64_t bytes; /* of the figure that is compared */
	bool is_new;   /* the row was not there */
};

struct top_rows {
	bool is_asked, is_known;
	enum breakdown_by by;
	struct breakdown
		table; /* in no order; row_count of them are here, other_count are left out */
	struct top_growth *growth; /* of each row; zeroes without another look */
	uint64_t compared_ns;      /* from that look on; 0: there is none to compare with */
	int64_t growth_bytes;      /* of all rows, and of what has gone */
	uint64_t took_ns;
	struct error problem; /* not empty: why it is not known */
};

/* What the next look is compared with. Zeroes: nothing. */
struct top_rows_base {
	bool is_there;
	enum breakdown_by by;
	uint64_t at_ns;
	struct breakdown rows; /* all of them */
};

/*
 * Looks, if it is asked for, and compares. The guest is in the same life as at the look before: else call top_rows_forget first. A
 * breakdown that cannot be had is no failure: `problem` says why. Call top_rows_free at the end.
 */
void top_rows_take(const struct guest *guest, const struct top_rows_request *request,
		   struct top_rows_base *base, struct top_rows *rows);
void top_rows_free(struct top_rows *rows);

/* The next look has nothing to be compared with. */
void top_rows_forget(struct top_rows_base *base);

#endif
