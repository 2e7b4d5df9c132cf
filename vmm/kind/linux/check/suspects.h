/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What one look at a guest holds for broken, until further looks confirm it. A guest that runs changes while it is looked at:
 * what is the same in several looks, some time apart, is no change under way.
 */
#ifndef VMM_LINUX_SUSPECTS_H
#define VMM_LINUX_SUSPECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/findings.h"

struct suspect {
	struct finding finding;
	unsigned looks; /* that saw it, one after the other, this one included */
};

/* The first ones of a look. */
#define SUSPECTS_MAX 512

struct suspects {
	uint64_t total;
	unsigned count;
	struct suspect list[SUSPECTS_MAX];
};

/* A frame of 0 and up; or none. */
#define SUSPECT_NO_FRAME UINT64_MAX

void suspects_add(struct suspects *suspects, const char *rule, uint64_t pfn, const char *expected,
		  const char *found);

/* Counts for each suspect the looks that saw the same before. */
void suspects_confirm(struct suspects *now, const struct suspects *before);

/* How many of those that are listed fewer than `looks` looks have seen. */
unsigned suspects_unsettled(const struct suspects *suspects, unsigned looks);

/* Adds those that so many looks have seen. */
void suspects_report(const struct suspects *suspects, unsigned looks, struct findings *findings);

#endif
