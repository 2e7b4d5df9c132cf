/* SPDX-License-Identifier: MPL-2.0 */
/* What grew from one breakdown of a guest's memory to another one, A and B, row by row. */
#ifndef VMM_BREAKDOWN_DIFF_H
#define VMM_BREAKDOWN_DIFF_H

#include <stdint.h>

#include "base/memory_budget.h"
#include "kind/breakdown.h"

/* One thing in both; a row is NULL where it is not there. */
struct breakdown_pair {
	const struct breakdown_row *a, *b;
};

struct breakdown_diff {
	uint64_t count;  /* that changed */
	uint64_t listed; /* the first of them, the largest growth first */
	struct breakdown_pair *pairs;
	unsigned compared; /* the figure */
	/* Of each side: all, those that changed and are not listed, and those that did not change. */
	uint64_t sums[2][BREAKDOWN_FIGURES_MAX], others[2][BREAKDOWN_FIGURES_MAX],
		unchanged[2][BREAKDOWN_FIGURES_MAX];
	uint64_t unchanged_count;
	struct memory_budget *budget;
	uint64_t taken;
};

/* How much the figure that is compared has grown. */
int64_t breakdown_growth(const struct breakdown_diff *diff, const struct breakdown_pair *pair);

/*
 * Compares two breakdowns by the same, which have all rows and stay as they are until breakdown_diff_free. Rows are of one
 * thing if their identities are equal, and their names where these last; of equal ones those with the same name belong
 * together. `is_one_boot`: otherwise what is of a boot is another in each. Returns 0; -E2BIG or -ENOMEM with a text.
 */
int breakdown_diff_make(const struct breakdown *a, const struct breakdown *b, bool is_one_boot,
			uint64_t limit, struct breakdown_diff *diff, struct error *err);

/*
 * The pairs alone, of what changed and what did not: each row is in one of the `count` pairs, in no order. Nothing is listed or
 * summed. Returns as breakdown_diff_make.
 */
int breakdown_diff_pair(const struct breakdown *a, const struct breakdown *b, bool is_one_boot,
			struct breakdown_diff *diff, struct error *err);

/* Also after a failure. */
void breakdown_diff_free(struct breakdown_diff *diff);

#endif
