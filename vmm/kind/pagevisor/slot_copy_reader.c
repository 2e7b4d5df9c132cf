/* SPDX-License-Identifier: MPL-2.0 */
/* Slots from three ordered copies: see slot_copy_reader.h. */
#include "kind/pagevisor/slot_copy_reader.h"

#include <errno.h>

struct copies {
	struct meta_slot before[SLOT_COPY_MAX]; /* only the states are used */
	struct meta_slot slots[SLOT_COPY_MAX];  /* all but the states */
	struct meta_slot after[SLOT_COPY_MAX];  /* only the states */
};

/* The slots that are not settled yet lie in [first, end). */
struct pending {
	unsigned first;
	unsigned end;
	bool settled[SLOT_COPY_MAX];
};

/* The fence costs nothing here, and documents the order. */
static int copy_slots(const struct memory_copier *copier, paddr_t pa, const struct pending *pending,
		      struct meta_slot *to)
{
	int result = copier->copy(copier->source, paddr(pa.addr + pending->first * SLOT_SIZE),
				  &to[pending->first], (pending->end - pending->first) * SLOT_SIZE);

	slot_read_fence();
	return result;
}

static int copy_three_times(const struct memory_copier *copier, paddr_t pa,
			    const struct pending *pending, struct copies *copies)
{
	int result = copy_slots(copier, pa, pending, copies->before);

	if (result == 0)
		result = copy_slots(copier, pa, pending, copies->slots);
	if (result == 0)
		result = copy_slots(copier, pa, pending, copies->after);
	return result;
}

bool slot_copy_settle(uint64_t before, const struct meta_slot *slot, uint64_t after,
		      struct slot_copy_result *result)
{
	result->copy.state = before;
	if (!ref_in_use(slot_state_refs(before))) {
		result->result = SLOT_READ_NOT_IN_USE;
		return true;
	}
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		result->copy.storage[i] = slot->storage[i];
	result->copy.vtable_ptr = slot->vtable_ptr;
	result->result = SLOT_READ_OK;
	return slot_state_generation(after) == slot_state_generation(before) &&
	       ref_in_use(slot_state_refs(after));
}

/* Judges each pending slot and narrows the range to those that changed meanwhile. */
static void settle_all(const struct copies *copies, struct pending *pending,
		       struct slot_copy_result *results, struct read_counters *counters)
{
	unsigned first = pending->end, end = pending->end;

	for (unsigned i = pending->first; i < pending->end; i++) {
		if (pending->settled[i])
			continue;
		if (slot_copy_settle(copies->before[i].state, &copies->slots[i],
				     copies->after[i].state, &results[i])) {
			pending->settled[i] = true;
			counters->copies += results[i].result == SLOT_READ_OK;
			continue;
		}
		counters->retries++;
		if (first == pending->end)
			first = i;
		end = i + 1;
	}
	pending->first = first;
	pending->end = end;
}

static void give_up(const struct pending *pending, struct slot_copy_result *results,
		    struct read_counters *counters)
{
	for (unsigned i = pending->first; i < pending->end; i++) {
		if (pending->settled[i])
			continue;
		results[i].result = SLOT_READ_UNSTABLE;
		counters->unstable++;
	}
}

int slot_copy_read(const struct memory_copier *copier, paddr_t pa, unsigned count,
		   struct slot_copy_result *results, struct read_counters *counters)
{
	struct pending pending = {.end = count};
	struct copies copies;

	if (count == 0 || count > SLOT_COPY_MAX)
		return -EINVAL;
	for (unsigned tries = 0; tries < SLOT_COPY_TRIES && pending.first < pending.end; tries++) {
		uint64_t start = clock_now_ns();
		int result = copy_three_times(copier, pa, &pending, &copies);

		if (result < 0)
			return result;
		/* In a longer time the generation could have wrapped. */
		if (clock_now_ns() - start < SLOT_READ_TIME_MAX_NS)
			settle_all(&copies, &pending, results, counters);
	}
	give_up(&pending, results, counters);
	return 0;
}
