/* SPDX-License-Identifier: MPL-2.0 */
/* Gives frames back, ordered or asked: see keeper.h. */
#include "manage/keeper_batch.h"

#include <string.h>

#include "base/clock.h"
#include "manage/punch.h"

/* Whether frames of a block are released in this phase. One that is held whole is hard as a whole. */
static bool is_due(const struct keeper *keeper, uint64_t first, uint64_t end,
		   enum keeper_phase phase, bool soft_only, uint64_t left)
{
	const struct ledger_count count = keeper_count_block(&keeper->ledger, first, end);

	if (count.held < KEEPER_BLOCK_FRAMES)
		return phase == KEEPER_SINGLES && count.held > 0;
	return !(soft_only && count.hard > 0) &&
	       (phase == KEEPER_REST || (phase == KEEPER_BLOCKS && left >= KEEPER_BLOCK_FRAMES));
}

/* Collects frames of a window that the host holds, the last of each block first. */
static unsigned collect_held(struct keeper *keeper, const struct window *window, uint64_t frames,
			     enum keeper_phase phase, bool soft_only)
{
	uint64_t end = window->first;
	unsigned count = 0;

	while (end < window->end && count < frames) {
		uint64_t first = end, left = frames - count;

		end = align_down(first, KEEPER_BLOCK_FRAMES) + KEEPER_BLOCK_FRAMES;
		if (end > window->end)
			end = window->end;
		if (!is_due(keeper, first, end, phase, soft_only, left))
			continue;
		if (phase != KEEPER_SINGLES)
			left = KEEPER_BLOCK_FRAMES;
		for (uint64_t frame = end; frame-- > first && left > 0;)
			if (ledger_state(&keeper->ledger, frame) != LEDGER_NONE &&
			    !(soft_only && ledger_is_hard(&keeper->ledger, frame))) {
				keeper->batch[count++] = frame;
				left--;
			}
	}
	return count;
}

/* Takes away again what a run has got. If that fails, too, it has bytes until it goes back. */
static void undo_populate(struct keeper *keeper, const struct window *window, struct frame_run run)
{
	keeper->counts.punches++;
	if (punch_run(&window->region, run) == 0)
		return;
	for (uint64_t frame = run.start; frame < run.end; frame++)
		ledger_set(&keeper->ledger, frame, LEDGER_POPULATED,
			   ledger_is_hard(&keeper->ledger, frame));
}

/*
 * New bytes for the batch. Returns 0, or why there are none; *count is then how many frames have some. A run that has got
 * some of them stays with the host, and loses those again.
 */
static int populate_batch(struct keeper *keeper, const struct window *window, unsigned *count,
			  struct error *err)
{
	unsigned length;

	for (unsigned at = 0; at < *count; at += length) {
		struct frame_run run = frame_run_first(keeper->batch + at, *count - at, &length);
		int result = populate_run(&window->region, run);

		if (result < 0) {
			*count = at;
			undo_populate(keeper, window, run);
			return error_set(err, result, "the host has no memory to give back: %s",
					 strerror(-result));
		}
		for (uint64_t frame = run.start; frame < run.end; frame++)
			ledger_set(&keeper->ledger, frame, LEDGER_POPULATED,
				   ledger_is_hard(&keeper->ledger, frame));
	}
	return 0;
}

static int release_window(struct keeper *keeper, const struct window *window, uint64_t frames,
			  enum keeper_phase phase, bool populate, bool soft_only, struct error *err)
{
	unsigned count = collect_held(keeper, window, frames, phase, soft_only);
	const unsigned touched = populate ? count : 0;
	int result = populate ? populate_batch(keeper, window, &count, err) : 0;

	keeper_tell_log(keeper, touched, false);
	keeper->batch_ns = clock_now_ns();
	unsigned released = keeper_let_go(keeper, window, 0, count);

	claim_history_flush(&keeper->ledger.history);
	keeper_tell_log(keeper, count, true);
	keeper->counts.released += released;
	keeper->counts.taken_back += count - released;
	return result < 0 ? result : (int)count;
}

/* The first frame from `frame` on that the host holds. */
static uint64_t next_held(const struct keeper *keeper, uint64_t frame)
{
	const struct ledger *ledger = &keeper->ledger;

	if (ledger_held(ledger) == 0)
		return ledger->frames;
	while (frame < ledger->frames && ledger_state(ledger, frame) == LEDGER_NONE)
		frame++;
	return frame;
}

/* Releases frames of the next window, inside of the gate. */
static int release_next(struct keeper *keeper, struct keeper_cursor *cursor, uint64_t frames,
			bool populate, bool soft_only, bool *more, struct error *err)
{
	struct window window;

	cursor->frame = next_held(keeper, cursor->frame);
	if (cursor->frame >= keeper->ledger.frames) {
		*cursor = (struct keeper_cursor){.phase = cursor->phase + 1};
		*more = cursor->phase < KEEPER_PHASES;
		return 0;
	}
	*more = true;
	keeper_open_blocks(keeper, cursor->frame, &window);
	cursor->frame = window.end;
	return release_window(keeper, &window, frames, cursor->phase, populate, soft_only, err);
}

int keeper_release(struct keeper *keeper, struct keeper_cursor *cursor, uint64_t frames,
		   bool populate, bool *more, struct error *err)
{
	gate_enter(keeper->gate);
	int result = keeper_expect_same_life(keeper, err);

	*more = false;
	if (result == 0)
		result = release_next(keeper, cursor, frames, populate, false, more, err);
	gate_leave(keeper->gate);
	return result;
}

static bool is_soft_block(const struct ledger *ledger, uint64_t block)
{
	const struct ledger_count count =
		keeper_count_block(ledger, block, block + KEEPER_BLOCK_FRAMES);

	return count.held == KEEPER_BLOCK_FRAMES && count.hard == 0;
}

/* The next whole block that the host would give back, from where the last one was; false: there is none. */
static bool find_soft_block(struct keeper *keeper)
{
	uint64_t blocks = keeper->ledger.frames / KEEPER_BLOCK_FRAMES;

	for (uint64_t tried = 0; tried < blocks; tried++) {
		uint64_t block = (keeper->soft_block + tried) % blocks;

		if (is_soft_block(&keeper->ledger, block * KEEPER_BLOCK_FRAMES)) {
			keeper->soft_block = block;
			return true;
		}
	}
	return false;
}

/* Releases up to `frames` soft frames from `first` on: batch by batch, so that a pause need not wait for all of them. */
static void release_soft(struct keeper *keeper, uint64_t first, uint64_t frames)
{
	struct keeper_cursor cursor = {.frame = first};
	struct error ignored;
	bool more = true;

	while (more && frames > 0) {
		gate_enter(keeper->gate);
		int result = keeper_expect_same_life(keeper, &ignored);

		if (result == 0)
			result =
				release_next(keeper, &cursor, frames, false, true, &more, &ignored);
		gate_leave(keeper->gate);
		if (result < 0)
			return;
		frames -= (uint64_t)result < frames ? (uint64_t)result : frames;
		keeper->counts.asked += (uint64_t)result;
	}
}

/* A whole block serves whoever needs no more than that. */
static void serve(struct keeper *keeper, const struct keeper_ask *ask)
{
	bool needs_more = ask->frames > KEEPER_BLOCK_FRAMES || ask->order > KEEPER_BLOCK_ORDER;

	if (ledger_held(&keeper->ledger) == keeper->ledger.hard)
		return;
	if (!needs_more && find_soft_block(keeper))
		release_soft(keeper, keeper->soft_block * KEEPER_BLOCK_FRAMES, KEEPER_BLOCK_FRAMES);
	else
		release_soft(keeper, 0,
			     needs_more || ask->order > 0 ? UINT64_MAX : KEEPER_BLOCK_FRAMES);
}

bool keeper_serve(struct keeper *keeper)
{
	struct keeper_ask ask;
	struct error ignored;

	if (!keeper_words_ask(&keeper->words, &ask))
		return false;
	uint32_t cause = keeper->cause;

	keeper->cause = MANAGEMENT_NOTHING;
	serve(keeper, &ask);
	keeper->cause = cause;
	gate_enter(keeper->gate);
	bool is_same_life = keeper_expect_same_life(keeper, &ignored) == 0;

	if (is_same_life) {
		keeper_words_answer(&keeper->words, ask.ticket);
		keeper->counts.asks++;
	}
	gate_leave(keeper->gate);
	return is_same_life;
}
