/* SPDX-License-Identifier: MPL-2.0 */
/* Looks at all managed frames: see keeper.h. */
#include "manage/keeper_batch.h"

#include <errno.h>

#include "base/clock.h"
#include "manage/host_slot.h"
#include "manage/punch.h"
#include "memory/file_hole.h"

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
		keeper_note(keeper, frame, 1, MANAGEMENT_TAKEN_BACK, slot_state_generation(state),
			    ledger_is_hard(&keeper->ledger, frame));
		ledger_set(&keeper->ledger, frame, LEDGER_NONE, false);
		keeper->counts.taken_back++;
	}
}

static bool is_gone(const struct keeper *keeper, const struct window *window, uint64_t frame)
{
	const struct meta_slot *slot = window_slot(window, frame);

	return ledger_state(&keeper->ledger, frame) == LEDGER_PUNCHED && slot &&
	       slot_state_refs(host_slot_state(slot)) == REF_HOST;
}

/* Puts the frames of a window that were punched, and have memory all the same, into the batch. Returns how many. */
static unsigned find_refilled(struct keeper *keeper, const struct window *window)
{
	const struct memory_region *region = &window->region;
	uint64_t frame = window->first, end;
	unsigned count = 0;

	while (frame < window->end) {
		for (end = frame; end < window->end && is_gone(keeper, window, end);)
			end++;
		frame += file_hole(region->fd,
				   region->fd_offset + frame * PAGE_SIZE - region->base.addr,
				   (end - frame) * PAGE_SIZE) /
			 PAGE_SIZE;
		if (frame < end)
			keeper->batch[count++] = frame;
		frame++;
	}
	return count;
}

/*
 * Somebody has touched frames that he does not have: a guest that is broken, or the kernel where it makes huge pages of
 * small ones. Of huge pages, which need not split, nothing can be said.
 */
static int punch_again(struct keeper *keeper, const struct window *window, struct error *err)
{
	unsigned count = keeper->whole_blocks || !window->slots ? 0 : find_refilled(keeper, window);
	unsigned length;

	if (count == 0)
		return 0;
	gate_enter(keeper->gate);
	int result = keeper_expect_same_life(keeper, err);

	for (unsigned at = 0; at < count && result == 0; at += length) {
		result = punch_run(&window->region,
				   frame_run_first(keeper->batch + at, count - at, &length));
		keeper->counts.refilled += result == 0 ? length : 0;
	}
	keeper_tell_log(keeper, count, false);
	gate_leave(keeper->gate);
	/* What cannot be punched now stays as it is. */
	return result == -ESTALE ? result : 0;
}

int keeper_look(struct keeper *keeper, bool ages, struct keeper_sweep *sweep, struct error *err)
{
	struct keeper_cursor cursor = {0};
	struct window window;
	bool more = true;
	int result = keeper_expect_same_life(keeper, err);

	*sweep = (struct keeper_sweep){0};
	while (result == 0 && more) {
		keeper->batch_ns = clock_now_ns();
		guest_memory_read_begin();
		more = keeper_next_window(keeper, guest_memory_map(keeper->memory), &cursor,
					  &window);
		for (uint64_t frame = window.first; more && frame < window.end; frame++) {
			const struct meta_slot *slot = window_slot(&window, frame);

			if (slot)
				sweep_frame(keeper, frame, host_slot_state(slot), ages, sweep);
		}
		guest_memory_read_end();
		claim_history_flush(&keeper->ledger.history);
		if (more && ages)
			result = punch_again(keeper, &window, err);
		if (more && keeper->between)
			keeper->between(keeper->context);
	}
	return result == 0 ? keeper_expect_same_life(keeper, err) : result;
}
