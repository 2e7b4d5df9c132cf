/* SPDX-License-Identifier: MPL-2.0 */
/* What claims and releases of the keeper share: see keeper_batch.h. */
#include "manage/keeper_batch.h"

#include "manage/host_slot.h"
#include "manage/punch.h"

_Static_assert(KEEPER_BATCH >= WINDOW_FRAMES, "a window fits a batch");

void keeper_open_window(const struct keeper *keeper, const struct memory_map *map, uint64_t first,
			uint64_t end, struct window *window)
{
	window_open(window, map, keeper->claims.array, first, end);
}

void keeper_open_blocks(const struct keeper *keeper, uint64_t held, struct window *window)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(keeper->memory);
	const struct memory_region *region = memory_map_find(map, paddr(held * PAGE_SIZE));
	uint64_t block = align_down(held, KEEPER_BLOCK_FRAMES);
	uint64_t start = region ? region->base.addr / PAGE_SIZE : 0;

	keeper_open_window(keeper, map, block > start ? block : start, keeper->ledger.frames,
			   window);
	guest_memory_read_end();
}

bool keeper_next_window(const struct keeper *keeper, const struct memory_map *map,
			struct keeper_cursor *cursor, struct window *window)
{
	const struct claims *claims = &keeper->claims;

	while (cursor->range < claims->range_count) {
		const struct frame_range *range = &claims->ranges[cursor->range];
		uint64_t end = range->end < keeper->ledger.frames ? range->end
								  : keeper->ledger.frames;

		if (cursor->frame < range->start)
			cursor->frame = range->start;
		if (cursor->frame < end) {
			keeper_open_window(keeper, map, cursor->frame, end, window);
			cursor->frame = window->end;
			return true;
		}
		cursor->range++;
	}
	return false;
}

struct ledger_count keeper_count_block(const struct ledger *ledger, uint64_t first, uint64_t end)
{
	/* Memory need not end with a block. */
	return ledger_count(ledger, first, end < ledger->frames ? end : ledger->frames);
}

void keeper_tell_log(const struct keeper *keeper, unsigned count, bool slots)
{
	uint64_t base = slots ? keeper->claims.array.addr : 0;
	uint64_t size = slots ? SLOT_SIZE : PAGE_SIZE;
	unsigned length;

	for (unsigned at = 0; at < count; at += length) {
		struct frame_run run = frame_run_first(keeper->batch + at, count - at, &length);

		control_host_wrote(keeper->gate->engine, paddr(base + run.start * size),
				   (run.end - run.start) * size);
	}
}

/* Tells the guest which frames batch[at] .. batch[end - 1] have been released. */
static void tell_guest(struct keeper *keeper, unsigned at, unsigned end)
{
	unsigned length;

	if (at == end)
		return;
	for (; at < end; at += length) {
		struct frame_run run = frame_run_first(keeper->batch + at, end - at, &length);

		keeper_words_hint(&keeper->words, run.start, run.end);
	}
	keeper_words_release(&keeper->words);
}

void keeper_note(struct keeper *keeper, uint64_t frame, unsigned frames,
		 enum management_event_type type, uint32_t generation, bool hard)
{
	const struct management_event event = {
		.time_ns = keeper->batch_ns,
		.generation = generation,
		.frames = frames,
		.type = type,
		.action = keeper->cause,
		.flags = hard ? MANAGEMENT_HARD : 0,
	};

	claim_history_note(&keeper->ledger.history, frame, &event);
}

/* Returns whether the frame was still the host's. Without its slot nobody can tell what has become of it. */
static bool let_go(struct keeper *keeper, uint64_t frame, struct meta_slot *slot)
{
	if (!slot)
		return false;
	uint32_t generation = slot_state_generation(host_slot_state(slot));
	bool is_released = host_slot_release(slot);

	keeper_note(keeper, frame, 1, is_released ? MANAGEMENT_RELEASED : MANAGEMENT_TAKEN_BACK,
		    generation, ledger_is_hard(&keeper->ledger, frame));
	return is_released;
}

unsigned keeper_let_go(struct keeper *keeper, const struct window *window, unsigned at,
		       unsigned end)
{
	unsigned released = 0;

	for (unsigned i = at; i < end; i++) {
		uint64_t frame = keeper->batch[i];

		released += let_go(keeper, frame, window_slot(window, frame));
		ledger_set(&keeper->ledger, frame, LEDGER_NONE, false);
		ages_forget(&keeper->ages, frame);
	}
	tell_guest(keeper, at, end);
	return released;
}
