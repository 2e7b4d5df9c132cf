/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor diff --by`: what grew, as a table. */
#ifndef VMM_DIFF_BY_H
#define VMM_DIFF_BY_H

#include <stdbool.h>

#include "cli/session.h"
#include "kind/breakdown.h"

/* What both tables of diff say on standard error. */
#define DIFF_TWO_BOOTS "pagevisor: A and B are of two boots of a guest, or of two guests\n"

struct diff_by_options {
	enum breakdown_by by;
	uint64_t limit;
	bool json;
};

/* Looks at A and B, which are open, without pausing either, and prints the table. Returns the exit status. */
int diff_by(struct session *a, struct session *b, const struct diff_by_options *options);

#endif
