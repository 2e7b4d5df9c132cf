/* SPDX-License-Identifier: MPL-2.0 */
/* How much memory one file or one peer may make this process take: see memory_budget.h. */
#include "base/memory_budget.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "base/memory_available.h"

/* The part of what is available that a default budget has. */
#define DEFAULT_PART 4

/* Of budgets that begin; 0: not known yet. Relaxed order: a number that depends on nothing else. */
static uint64_t limit_now;

void memory_budget_set(uint64_t bytes)
{
	__atomic_store_n(&limit_now, bytes, __ATOMIC_RELAXED);
}

void memory_budget_begin(struct memory_budget *budget)
{
	uint64_t limit = __atomic_load_n(&limit_now, __ATOMIC_RELAXED);

	if (limit == 0) {
		limit = memory_available() / DEFAULT_PART;
		limit = limit < MEMORY_BUDGET_MIN ? MEMORY_BUDGET_MIN : limit;
		memory_budget_set(limit);
	}
	*budget = (struct memory_budget){.limit = limit};
}

static uint64_t in_mib(uint64_t bytes)
{
	return (bytes >> 20) + (bytes % (UINT64_C(1) << 20) != 0);
}

/* Relaxed order suffices here and below: the sum alone matters. */
int memory_budget_take(struct memory_budget *budget, uint64_t bytes, const char *what,
		       struct error *err)
{
	uint64_t used = budget ? __atomic_load_n(&budget->used, __ATOMIC_RELAXED) : 0;

	if (!budget)
		return 0;
	do {
		if (bytes > budget->limit || used > budget->limit - bytes)
			return error_set(err, -E2BIG,
					 "%s would take %" PRIu64 " MiB of memory, and the budget "
					 "has %" PRIu64 " of %" PRIu64
					 " MiB left; --memory-budget SIZE allows more",
					 what, in_mib(bytes), memory_budget_left(budget) >> 20,
					 budget->limit >> 20);
	} while (!__atomic_compare_exchange_n(&budget->used, &used, used + bytes, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

int memory_budget_check(struct memory_budget *budget, uint64_t bytes, const char *what,
			struct error *err)
{
	int result = memory_budget_take(budget, bytes, what, err);

	if (result == 0)
		memory_budget_give(budget, bytes);
	return result;
}

void memory_budget_give(struct memory_budget *budget, uint64_t bytes)
{
	if (budget)
		__atomic_fetch_sub(&budget->used, bytes, __ATOMIC_RELAXED);
}

uint64_t memory_budget_left(const struct memory_budget *budget)
{
	if (!budget)
		return UINT64_MAX;
	uint64_t used = __atomic_load_n(&budget->used, __ATOMIC_RELAXED);

	return used < budget->limit ? budget->limit - used : 0;
}
