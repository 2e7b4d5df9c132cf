/* SPDX-License-Identifier: MPL-2.0 */
/* Claims free frames and takes their bytes: see keeper.h. */
#include "manage/keeper_batch.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "manage/host_slot.h"
#include "manage/punch.h"

#define SKIP_BLOCKS 128

/* Whether a frame may be claimed that is in this state. */
static inline bool is_wanted(const struct keeper *keeper, const struct keeper_wish *wish,
			     uint64_t frame, uint64_t state)
{
	return ledger_state(&keeper->ledger, frame) == LEDGER_NONE &&
	       (wish->cold_only ? ages_is_cold(&keeper->ages, frame, state)
				: slot_state_refs(state) == REF_UNUSED);
}

/*
 * Frames of a block that may be claimed, as they were when they were looked at. All are looked at first and claimed
 * afterwards: a load, or a store, between two locked operations waits for the one and delays the other.
 */
struct candidates {
	unsigned count;
	uint64_t frames[KEEPER_BLOCK_FRAMES];
	uint64_t states[KEEPER_BLOCK_FRAMES];
};

/* Of the frames [first, end) of a window. With `all`, returns false as soon as one of them may not be claimed. */
static bool find_candidates(const struct keeper *keeper, const struct keeper_wish *wish,
			    const struct window *window, uint64_t first, uint64_t end, bool all,
			    struct candidates *found)
{
	found->count = 0;
	for (uint64_t frame = first; frame < end; frame++) {
		const struct meta_slot *slot = window_slot(window, frame);
		uint64_t state = slot ? host_slot_state(slot) : 0;

		if (slot && is_wanted(keeper, wish, frame, state)) {
			found->frames[found->count] = frame;
			found->states[found->count++] = state;
		} else if (all) {
			return false;
		}
	}
	return true;
}

/*
 * Swaps the slots of candidates from `at` on, until a race is lost. The slots of the next block come into the cache
 * meanwhile, if there is one: fetching ahead reads nothing, and allocates nothing. Returns where it ended.
 */
static unsigned swap_candidates(const struct window *window, const struct candidates *found,
				unsigned at)
{
	for (; at < found->count; at++) {
		struct meta_slot *slot = window->slots + (found->frames[at] - window->first);

		__builtin_prefetch(slot + KEEPER_BLOCK_FRAMES, 1);
		if (!host_slot_claim(slot, found->states[at]))
			break;
	}
	return at;
}

/* The second try for a frame, and the last: a guest that turns the generation must not keep us. */
static bool claim_again(struct keeper *keeper, const struct keeper_wish *wish, uint64_t frame,
			struct meta_slot *slot, uint64_t *state)
{
	*state = host_slot_state(slot);
	keeper->counts.lost++;
	if (!is_wanted(keeper, wish, frame, *state))
		return false;
	if (host_slot_claim(slot, *state))
		return true;
	keeper->counts.lost++;
	return false;
}

/*
 * The candidates from `at` on to `end` have become the host's. Frames that follow each other and had the same state are
 * one event. Returns the new number of frames in the batch.
 */
static unsigned note_claims(struct keeper *keeper, const struct keeper_wish *wish,
			    const struct candidates *found, unsigned at, unsigned end,
			    unsigned count)
{
	const uint64_t *frames = found->frames, *states = found->states;
	unsigned length;

	ledger_set_claimed(&keeper->ledger, frames + at, end - at, wish->hard);
	memcpy(keeper->batch + count, frames + at, (end - at) * sizeof(*frames));
	count += end - at;
	for (; at < end; at += length) {
		for (length = 1; at + length < end && frames[at + length] == frames[at] + length &&
				 states[at + length] == states[at];)
			length++;
		keeper_note(keeper, frames[at], length, MANAGEMENT_CLAIMED,
			    slot_state_generation(states[at]) + 1, wish->hard);
	}
	return count;
}

/* Returns the new number of frames in the batch. */
static unsigned claim_candidates(struct keeper *keeper, const struct keeper_wish *wish,
				 const struct window *window, struct candidates *found,
				 unsigned count)
{
	unsigned at = 0;

	while (at < found->count) {
		unsigned end = swap_candidates(window, found, at);

		count = note_claims(keeper, wish, found, at, end, count);
		if (end < found->count &&
		    claim_again(keeper, wish, found->frames[end],
				window_slot(window, found->frames[end]), &found->states[end]))
			count = note_claims(keeper, wish, found, end, end + 1, count);
		at = end + 1;
	}
	return count;
}

/*
 * How many frames of a block the host may hold. A block that is partly hard, or lies in two regions, would have to stay
 * whole, for the guest may put it aside as one, and then a part of it could not be given back: so one frame of it stays with
 * the guest.
 */
static unsigned most_held(const struct ledger_count *count, bool hard, bool is_in_one_region)
{
	unsigned others = hard ? count->held - count->hard : count->hard;

	return others > 0 || !is_in_one_region ? KEEPER_BLOCK_FRAMES - 1 : KEEPER_BLOCK_FRAMES;
}

/* A block that two regions share is given back in two parts. */
static bool is_in_region(const struct memory_region *region, uint64_t block)
{
	uint64_t offset = block * PAGE_SIZE - region->base.addr;

	return block * PAGE_SIZE >= region->base.addr &&
	       region->size >= KEEPER_BLOCK_FRAMES * PAGE_SIZE &&
	       offset <= region->size - KEEPER_BLOCK_FRAMES * PAGE_SIZE;
}

/* Claims of the frames [first, end) of one block. Returns the new number of frames in the batch. */
static unsigned claim_in_block(struct keeper *keeper, const struct keeper_wish *wish,
			       const struct window *window, uint64_t first, uint64_t end,
			       unsigned count)
{
	const uint64_t block = align_down(first, KEEPER_BLOCK_FRAMES);
	struct ledger_count held =
		keeper_count_block(&keeper->ledger, block, block + KEEPER_BLOCK_FRAMES);
	unsigned most = most_held(&held, wish->hard, is_in_region(&window->region, block));
	struct candidates found;

	if (held.held >= most)
		return count;
	find_candidates(keeper, wish, window, first, end, false, &found);
	if (found.count > most - held.held)
		found.count = most - held.held;
	if (found.count > wish->frames - count)
		found.count = (unsigned)(wish->frames - count);
	return claim_candidates(keeper, wish, window, &found, count);
}

/* Claims frames of a window. Returns the number of frames in the batch. */
static unsigned claim_frames(struct keeper *keeper, const struct keeper_wish *wish,
			     const struct window *window)
{
	uint64_t first = window->first;
	unsigned count = 0;

	while (first < window->end && count < wish->frames) {
		uint64_t next = align_down(first, KEEPER_BLOCK_FRAMES) + KEEPER_BLOCK_FRAMES;

		next = next < window->end ? next : window->end;
		count = claim_in_block(keeper, wish, window, first, next, count);
		first = next;
	}
	return count;
}

/* Claims whole blocks of a window. A race that is lost in the middle of one leaves its other frames claimed. */
static unsigned claim_blocks(struct keeper *keeper, const struct keeper_wish *wish,
			     const struct window *window)
{
	struct candidates found;
	unsigned count = 0;

	for (uint64_t block = align_up(window->first, KEEPER_BLOCK_FRAMES);
	     block + KEEPER_BLOCK_FRAMES <= window->end &&
	     count + KEEPER_BLOCK_FRAMES <= wish->frames;
	     block += KEEPER_BLOCK_FRAMES)
		if (find_candidates(keeper, wish, window, block, block + KEEPER_BLOCK_FRAMES, true,
				    &found))
			count = claim_candidates(keeper, wish, window, &found, count);
	return count;
}

/* Whole blocks that the host holds need no window. Not all at once: a pause waits. */
static void skip_held(const struct keeper *keeper, struct keeper_cursor *cursor)
{
	for (unsigned blocks = 0; blocks < SKIP_BLOCKS; blocks++) {
		if (cursor->frame % KEEPER_BLOCK_FRAMES || cursor->frame >= keeper->ledger.frames ||
		    keeper_count_block(&keeper->ledger, cursor->frame,
				       cursor->frame + KEEPER_BLOCK_FRAMES)
				    .held < KEEPER_BLOCK_FRAMES)
			return;
		cursor->frame += KEEPER_BLOCK_FRAMES;
	}
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
		ledger_set_punched(&keeper->ledger, run.start, run.end);
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
	if (cursor->phase == KEEPER_SINGLES)
		skip_held(keeper, cursor);
	guest_memory_read_begin();
	*more = keeper_next_window(keeper, guest_memory_map(keeper->memory), cursor, &window);
	if (*more && cursor->phase == KEEPER_BLOCKS)
		count = claim_blocks(keeper, wish, &window);
	else if (*more)
		count = claim_frames(keeper, wish, &window);
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
