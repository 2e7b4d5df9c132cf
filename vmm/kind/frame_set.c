/* SPDX-License-Identifier: MPL-2.0 */
/* Sets of frames: see frame_set.h. */
#include "kind/frame_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory_budget.h"

static uint64_t words_of(const struct frame_set *set)
{
	return set->frame_count / 64 + 1;
}

int frame_set_begin(struct frame_set *set, uint64_t frame_count, struct memory_budget *budget,
		    struct error *err)
{
	*set = (struct frame_set){.frame_count = frame_count, .budget = budget};
	const uint64_t bytes = words_of(set) * sizeof(*set->bits);
	int result = memory_budget_take(budget, bytes, "a set of frames", err);

	if (result < 0) {
		*set = (struct frame_set){0};
		return result;
	}
	set->bits = calloc(words_of(set), sizeof(*set->bits));
	if (set->bits)
		return 0;
	memory_budget_give(budget, bytes);
	*set = (struct frame_set){0};
	return error_set(err, -ENOMEM, "no memory for a set of frames");
}

void frame_set_end(struct frame_set *set)
{
	if (set->bits)
		memory_budget_give(set->budget, words_of(set) * sizeof(*set->bits));
	free(set->bits);
	*set = (struct frame_set){0};
}

void frame_set_add(struct frame_set *set, uint64_t first, uint64_t count)
{
	if (first >= set->frame_count)
		return;
	if (count > set->frame_count - first)
		count = set->frame_count - first;
	for (uint64_t end = first + count; first < end;) {
		if (first % 64 == 0 && end - first >= 64) {
			set->bits[first / 64] = UINT64_MAX;
			first += 64;
		} else {
			set->bits[first / 64] |= UINT64_C(1) << first % 64;
			first++;
		}
	}
}
