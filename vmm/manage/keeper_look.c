/* SPDX-License-Identifier: MPL-2.0 */
/* Looks at all managed frames: see keeper.h. */
#include "manage/keeper_batch.h"

#include "manage/host_slot.h"

static void sweep_frame(struct keeper *keeper, uint64_t frame, uint64_t state, bool ages,
			struct keeper_sweep *sweep)
{
	bool is_held = ledger_state(&keeper->ledger, frame) != LEDGER_NONE;
	bool is_host = slot_state_refs(state) == REF_HOST;

	if (ages)
		ages_meet(&keeper->ages, frame, state);
	sweep->managed++;
	sweep->unused += slot_state_refs(state) == REF_UNUSED;
	sweep->cold += ages_is_cold(&keeper->ages, frame, state);
	sweep->held += is_host && is_held;
	sweep->forged += is_host && !is_held;
	if (is_held && !is_host) {
		ledger_set(&keeper->ledger, frame, LEDGER_NONE, false);
		keeper->counts.taken_back++;
	}
}

int keeper_look(struct keeper *keeper, bool ages, struct keeper_sweep *sweep, struct error *err)
{
	struct keeper_cursor cursor = {0};
	struct window window;
	bool more = true;
	int result = keeper_expect_same_life(keeper, err);

	*sweep = (struct keeper_sweep){0};
	while (result == 0 && more) {
		guest_memory_read_begin();
		more = keeper_next_window(keeper, guest_memory_map(keeper->memory), &cursor,
					  &window);
		for (uint64_t frame = window.first; more && frame < window.end; frame++) {
			const struct meta_slot *slot = window_slot(&window, frame);

			if (slot)
				sweep_frame(keeper, frame, host_slot_state(slot), ages, sweep);
		}
		guest_memory_read_end();
	}
	return result == 0 ? keeper_expect_same_life(keeper, err) : result;
}
