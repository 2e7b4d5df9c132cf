/* SPDX-License-Identifier: MPL-2.0 */
/* What the host keeps: see holding.h. */
#include "inspect/holding.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/frame_walk.h"
#include "memory/residency.h"

struct counter {
	const struct guest *guest;
	struct holding *holding;
	struct residency residency;
};

static bool is_free(const struct guest *guest, uint8_t state)
{
	return state < guest->kind->state_count && guest->kind->states[state].tone == TONE_FREE;
}

static int count_batch(void *own, const struct frame_batch *batch)
{
	struct counter *counter = own;

	for (uint64_t i = 0; i < batch->count; i++) {
		uint8_t state = batch->frames ? batch->frames[i].state : batch->state;
		bool free = is_free(counter->guest, state);
		bool kept = residency_has(&counter->residency, pfn(batch->first.index + i));

		counter->holding->frames += kept;
		counter->holding->free_frames += kept && free;
	}
	return 0;
}

int holding_count(const struct guest *guest, struct holding *holding)
{
	struct read_counters ignored = {0};

	*holding = (struct holding){0};
	if (!guest->memory || !residency_is_known(guest->memory))
		return 0;
	struct counter *counter = malloc(sizeof(*counter));

	if (!counter)
		return -ENOMEM;
	counter->guest = guest;
	counter->holding = holding;
	residency_init(&counter->residency, guest->memory);
	int result = frame_walk(guest, DETAIL_STATE, count_batch, counter, &ignored);

	holding->is_known = result == 0;
	free(counter);
	return result;
}
