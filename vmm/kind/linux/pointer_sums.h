/* SPDX-License-Identifier: MPL-2.0 */
/* Sums by pointer: a hash table whose size the guest decides, within a budget. */
#ifndef VMM_LINUX_POINTER_SUMS_H
#define VMM_LINUX_POINTER_SUMS_H

#include <stdint.h>

#include "base/error.h"
#include "base/memory_budget.h"

struct pointer_sum {
	uint64_t key; /* 0 is no key like another, but has a place of its own */
	uint64_t pages, parts;
};

struct pointer_sums {
	struct memory_budget *budget;
	uint64_t size, used; /* places: a power of two, or 0 */
	struct pointer_sum *places;
	struct pointer_sum none; /* key 0 */
	uint64_t seed;           /* the guest must not know which keys collide */
};

void pointer_sums_begin(struct pointer_sums *sums, struct memory_budget *budget);

/* Adds to a key's sums. Returns 0, -E2BIG if the budget is too small, or -ENOMEM, with a text. */
int pointer_sums_add(struct pointer_sums *sums, uint64_t key, uint64_t pages, uint64_t parts,
		     struct error *err);
void pointer_sums_end(struct pointer_sums *sums);

#endif
