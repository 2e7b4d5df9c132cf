/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much memory one file or one peer may make this process take.
 *
 * Whatever is allocated in proportion to what a file, a peer or a guest says, and has no small limit of its own, is
 * taken from the budget of the source that it belongs to. The default is a quarter of the memory that is available when
 * the first source is opened, MEMORY_BUDGET_MIN at least; `--memory-budget SIZE` sets another. Each source has a budget
 * of its own. Several threads may use one.
 */
#ifndef VMM_MEMORY_BUDGET_H
#define VMM_MEMORY_BUDGET_H

#include <stdint.h>

#include "base/error.h"

#define MEMORY_BUDGET_MIN (UINT64_C(16) << 20)
#define MEMORY_BUDGET_MAX (UINT64_C(1) << 40)

struct memory_budget {
	uint64_t limit;
	uint64_t used; /* changes by atomic operations */
};

/* Sets the limit, in bytes, of the budgets that begin from now on. */
void memory_budget_set(uint64_t bytes);

/* Begins a budget of which nothing is used. The first call of a process finds the default, and opens files in /proc. */
void memory_budget_begin(struct memory_budget *budget);

/*
 * Takes bytes from a budget; `what` needs them, for the text. Returns 0, or -E2BIG with a text that names the option.
 * On failure nothing is taken. Without a budget (NULL) everything is granted.
 */
int memory_budget_take(struct memory_budget *budget, uint64_t bytes, const char *what,
		       struct error *err);

/* Whether that could be taken: returns what memory_budget_take would, and takes nothing. */
int memory_budget_check(struct memory_budget *budget, uint64_t bytes, const char *what,
			struct error *err);

/* Gives back what was taken. */
void memory_budget_give(struct memory_budget *budget, uint64_t bytes);

/* What can still be taken: UINT64_MAX without a budget. */
uint64_t memory_budget_left(const struct memory_budget *budget);

#endif
