/* SPDX-License-Identifier: MPL-2.0 */
/* Claims free frames and takes their bytes: see keeper.h. */
#include "manage/keeper_batch.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "manage/host_slot.h"
#include "manage/punch.h"

/* Whether a frame may be claimed that is in this state. */
static bool is_wanted(const struct keeper *keeper, const struct keeper_wish *wish, uint64_t frame,
		      uint64_t state)
{
	return ledger_state(&keeper->ledger, frame) == LEDGER_NONE &&
	       (wish->cold_only ? ages_is_cold(&keeper->ages, frame, state)
				: slot_state_refs(state) == REF_UNUSED);
}

/* Two tries: a guest that turns the generation must not keep us. */
static bool claim_frame(struct keeper *keeper, const struct keeper_wish *wish, uint64_t frame,
			struct meta_slot *slot)
{
	for (int tries = 0; tries < 2; tries++) {
		uint64_t state = host_slot_state(slot);

		if (!is_wanted(keeper, wish, frame, state))
			return false;
		if (host_slot_claim(slot, state)) {
			ledger_set(&keeper->ledger, frame, LEDGER_CLAIMED, wish->hard);
			keeper_note(keeper, frame, MANAGEMENT_CLAIMED,
				    slot_state_generation(state) + 1, wish->hard);
			return true;
		}
		keeper->counts.lost++;
	}
	return false;
}

/* Whether all frames [first, end) of a window may be claimed. */
static bool all_are_wanted(const struct keeper *keeper, const struct keeper_wish *wish,
			   const struct window *window, uint64_t first, uint64_t end)
{
	for (uint64_t frame = first; frame < end; frame++) {
		const struct meta_slot *slot = window_slot(window, frame);

		if (!slot || !is_wanted(keeper, wish, frame, host_slot_state(slot)))
			return false;
	}
	return true;
}

/*
 * Whether a frame would complete a block that is partly hard. Such a block would have to stay whole, for the guest may put
 * it aside as one, and then what is soft in it could not be given back: so one frame of it stays with the guest.
 */
static bool completes_mixed_block(const struct block_count *count, bool hard)
{
	unsigned others = hard ? count->held - count->hard : count->hard;

	return count->held == KEEPER_BLOCK_FRAMES - 1 && others > 0;
}

/* Claims of the frames [first, end) of one block. Returns the new number of frames in the batch. */
static unsigned claim_in_block(struct keeper *keeper, const struct keeper_wish *wish,
			       const struct window *window, uint64_t first, uint64_t end,
			       unsigned count)
{
	const uint64_t block = align_down(first, KEEPER_BLOCK_FRAMES);
	struct block_count held =
		keeper_count_block(&keeper->ledger, block, block + KEEPER_BLOCK_FRAMES);

	for (uint64_t frame = first; frame < end && count < wish->frames; frame++) {
		struct meta_slot *slot = window_slot(window, frame);

		if (!slot || completes_mixed_block(&held, wish->hard) ||
		    !claim_frame(keeper, wish, frame, slot))
			continue;
		keeper->batch[count++] = frame;
		held.held++;
		held.hard += wish->hard;
	}
	return count;
}

/* Claims of the frames [first, end). Returns the new number of frames in the batch. */
static unsigned claim_frames(struct keeper *keeper, const struct keeper_wish *wish,
			     const struct window *window, uint64_t first, uint64_t end,
			     unsigned count)
{
	while (first < end) {
		uint64_t next = align_down(first, KEEPER_BLOCK_FRAMES) + KEEPER_BLOCK_FRAMES;

		next = next < end ? next : end;
		count = claim_in_block(keeper, wish, window, first, next, count);
		first = next;
	}
	return count;
}

/* Claims whole blocks of a window. A race that is lost in the middle of one leaves its other frames claimed. */
static unsigned claim_blocks(struct keeper *keeper, const struct keeper_wish *wish,
			     const struct window *window)
{
	unsigned count = 0;

	for (uint64_t block = align_up(window->first, KEEPER_BLOCK_FRAMES);
	     block + KEEPER_BLOCK_FRAMES <= window->end &&
	     count + KEEPER_BLOCK_FRAMES <= wish->frames;
	     block += KEEPER_BLOCK_FRAMES)
		if (all_are_wanted(keeper, wish, window, block, block + KEEPER_BLOCK_FRAMES))
			count = claim_frames(keeper, wish, window, block,
					     block + KEEPER_BLOCK_FRAMES, count);
	return count;
}

/* Punches the batch, run by run, up to the first that fails. Sets *punched to how many frames were. */
static int punch_batch(struct keeper *keeper, const struct window *window, unsigned count,
		       unsigned *punched, struct error *err)
{
	unsigned length;

	*punched = 0;
	for (unsigned at = 0; at < count; at += length) {
		struct frame_run run = frame_run_first(keeper->batch + at, count - at, &length);
		int result = punch_run(&window->region, run);

		keeper->counts.punches++;
		if (result < 0)
			return error_set(err, result, "punching the guest's memory: %s",
					 strerror(-result));
		for (uint64_t frame = run.start; frame < run.end; frame++)
			ledger_set(&keeper->ledger, frame, LEDGER_PUNCHED,
				   ledger_is_hard(&keeper->ledger, frame));
		*punched += length;
	}
	return 0;
}

/*
 * Collects the frames [first, end) of one block that are claimed and not punched, the last one first. Of a block that the
 * host holds as a whole all of them, for the guest may have put it aside as one, and then looks at its first frame alone.
 * Returns the new number of frames in the batch; *unpunched grows by those that were not punched.
 */
static unsigned collect_unpunched(struct keeper *keeper, uint64_t first, uint64_t end,
				  unsigned count, unsigned *unpunched)
{
	const struct ledger *ledger = &keeper->ledger;
	const uint64_t block = align_down(first, KEEPER_BLOCK_FRAMES);
	const unsigned begin = count;
	unsigned claimed = 0;

	for (uint64_t frame = first; frame < end; frame++)
		claimed += ledger_state(ledger, frame) == LEDGER_CLAIMED;
	bool all = claimed > 0 &&
		   keeper_count_block(ledger, block, block + KEEPER_BLOCK_FRAMES).held ==
			   KEEPER_BLOCK_FRAMES;

	for (uint64_t frame = end;
	     frame-- > first && count - begin < (all ? end - first : claimed);)
		if (all || ledger_state(ledger, frame) == LEDGER_CLAIMED)
			keeper->batch[count++] = frame;
	*unpunched += claimed;
	return count;
}

/*
 * A punch has failed, perhaps half-way: what the ledger does not have as punched goes back to the guest, with old bytes or
 * zeros, as any frame that is free.
 */
static void give_back_unpunched(struct keeper *keeper, uint64_t first)
{
	unsigned count = 0, unpunched = 0;
	struct window window;
	uint64_t end;

	keeper_open_blocks(keeper, first, &window);
	for (first = window.first; first < window.end; first = end) {
		end = align_down(first, KEEPER_BLOCK_FRAMES) + KEEPER_BLOCK_FRAMES;
		end = end < window.end ? end : window.end;
		count = collect_unpunched(keeper, first, end, count, &unpunched);
	}
	keeper_let_go(keeper, &window, 0, count);
	keeper_tell_log(keeper, count, true);
	keeper->counts.released += count - unpunched;
}

/* The slots of the batch are HOST. The regions stay, so they are used after the read-side section. */
static int finish_claim(struct keeper *keeper, const struct window *window, unsigned count,
			struct error *err)
{
	unsigned punched;

	keeper_tell_log(keeper, count, true);
	int result = keeper_expect_same_life(keeper, err);

	if (result == -ESTALE)
		return result;
	result = punch_batch(keeper, window, count, &punched, err);
	keeper_tell_log(keeper, count, false);
	keeper->counts.claimed += punched;
	if (result < 0)
		give_back_unpunched(keeper, window->first);
	return result < 0 ? result : (int)punched;
}

static enum keeper_state state_of(uint64_t soft, uint64_t hard)
{
	return soft ? KEEPER_SERVES : hard ? KEEPER_GIVES_NOTHING : KEEPER_NONE;
}

/* Before the first claim, or an allocation that misses the frame would not know whom to ask. */
static void announce_claims(struct keeper *keeper, const struct keeper_wish *wish)
{
	const struct ledger *ledger = &keeper->ledger;
	enum keeper_state state = state_of(ledger_held(ledger) - ledger->hard + !wish->hard,
					   ledger->hard + wish->hard);

	if (state != keeper->words.state)
		keeper_words_announce(&keeper->words, state);
}

void keeper_announce(struct keeper *keeper)
{
	const struct ledger *ledger = &keeper->ledger;
	enum keeper_state state = state_of(ledger_held(ledger) - ledger->hard, ledger->hard);
	struct error ignored;

	if (state == keeper->words.state)
		return;
	gate_enter(keeper->gate);
	if (keeper_expect_same_life(keeper, &ignored) == 0)
		keeper_words_announce(&keeper->words, state);
	gate_leave(keeper->gate);
}

static int claim_window(struct keeper *keeper, struct keeper_cursor *cursor,
			const struct keeper_wish *wish, bool *more, struct error *err)
{
	struct window window;
	unsigned count = 0;
	int result = keeper_expect_same_life(keeper, err);

	if (result < 0)
		return result;
	announce_claims(keeper, wish);
	keeper->batch_ns = clock_now_ns();
	guest_memory_read_begin();
	*more = keeper_next_window(keeper, guest_memory_map(keeper->memory), cursor, &window);
	if (*more && cursor->phase == KEEPER_BLOCKS)
		count = claim_blocks(keeper, wish, &window);
	else if (*more)
		count = claim_frames(keeper, wish, &window, window.first, window.end, 0);
	guest_memory_read_end();
	/* Before the punches: whoever finds a frame punched finds its claim. */
	claim_history_flush(&keeper->ledger.history);
	if (!*more && cursor->phase == KEEPER_BLOCKS && !keeper->whole_blocks) {
		*cursor = (struct keeper_cursor){.phase = KEEPER_SINGLES};
		*more = true;
	}
	result = count ? finish_claim(keeper, &window, count, err) : 0;
	claim_history_flush(&keeper->ledger.history);
	return result;
}

int keeper_claim(struct keeper *keeper, struct keeper_cursor *cursor,
		 const struct keeper_wish *wish, bool *more, struct error *err)
{
	gate_enter(keeper->gate);
	int result = claim_window(keeper, cursor, wish, more, err);

	gate_leave(keeper->gate);
	return result;
}
