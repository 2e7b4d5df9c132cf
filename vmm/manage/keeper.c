/* SPDX-License-Identifier: MPL-2.0 */
/* Claims free frames of a running guest and gives them back: see keeper.h. */
#include "manage/keeper.h"

#include <errno.h>
#include <string.h>

#include "manage/host_slot.h"
#include "manage/keeper_window.h"
#include "manage/punch.h"

_Static_assert(KEEPER_BATCH >= WINDOW_FRAMES, "a window fits a batch");

static uint64_t memory_frames(const struct guest_memory *memory)
{
	uint64_t frames = 0;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	if (map->count > 0)
		frames = (map->regions[map->count - 1].base.addr +
			  map->regions[map->count - 1].size) /
			 PAGE_SIZE;
	guest_memory_read_end();
	return frames;
}

int keeper_init(struct keeper *keeper, const struct guest_memory *memory, struct gate *gate,
		bool whole_blocks, struct error *err)
{
	uint64_t frames = memory_frames(memory);

	memset(keeper, 0, sizeof(*keeper));
	keeper->memory = memory;
	keeper->gate = gate;
	keeper->whole_blocks = whole_blocks;
	int result = ledger_init(&keeper->ledger, frames, err);

	if (result == 0)
		result = ages_init(&keeper->ages, frames, err);
	if (result < 0)
		keeper_destroy(keeper);
	return result;
}

void keeper_destroy(struct keeper *keeper)
{
	ledger_destroy(&keeper->ledger);
	ages_destroy(&keeper->ages);
}

/* The guest began a new life, or ended this one. What the host held is nobody's now. */
static int forget_all(struct keeper *keeper, struct error *err)
{
	if (ledger_held(&keeper->ledger) > 0)
		keeper->counts.restarts++;
	ledger_forget(&keeper->ledger);
	keeper_words_forget(&keeper->words);
	ages_forget_all(&keeper->ages);
	return error_set(err, -ESTALE, "the guest has ended or restarted meanwhile");
}

int keeper_follow(struct keeper *keeper, const struct guest *guest, struct error *err)
{
	uint64_t boot_id = keeper->claims.boot_id;
	struct error ignored;

	keeper->guest = guest;
	int result = guest_claims_read(guest, &keeper->claims, err);

	if (result == 0 && boot_id && boot_id != keeper->claims.boot_id)
		forget_all(keeper, &ignored);
	if (result == 0 && keeper->words.page.addr != keeper->claims.keeper.addr)
		keeper_words_begin(&keeper->words, keeper->memory, keeper->gate->engine,
				   keeper->claims.keeper);
	return result;
}

static int expect_same_life(struct keeper *keeper, struct error *err)
{
	return guest_claims_hold(keeper->guest, &keeper->claims) ? 0 : forget_all(keeper, err);
}

static void open_window(const struct keeper *keeper, const struct memory_map *map, uint64_t first,
			uint64_t end, struct window *window)
{
	window_open(window, map, keeper->claims.array, first, end);
}

/* The next managed window for a cursor. False when there is none. */
static bool next_window(const struct keeper *keeper, const struct memory_map *map,
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
			open_window(keeper, map, cursor->frame, end, window);
			cursor->frame = window->end;
			return true;
		}
		cursor->range++;
	}
	return false;
}

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
	int result = expect_same_life(keeper, err);

	*sweep = (struct keeper_sweep){0};
	while (result == 0 && more) {
		guest_memory_read_begin();
		more = next_window(keeper, guest_memory_map(keeper->memory), &cursor, &window);
		for (uint64_t frame = window.first; more && frame < window.end; frame++) {
			const struct meta_slot *slot = window_slot(&window, frame);

			if (slot)
				sweep_frame(keeper, frame, host_slot_state(slot), ages, sweep);
		}
		guest_memory_read_end();
	}
	return result == 0 ? expect_same_life(keeper, err) : result;
}

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

/* What the host holds of a block. */
struct block_count {
	unsigned held;
	unsigned hard;
};

static struct block_count count_block(const struct ledger *ledger, uint64_t first, uint64_t end)
{
	struct block_count count = {0};

	/* Memory need not end with a block. */
	end = end < ledger->frames ? end : ledger->frames;
	for (uint64_t frame = first; frame < end; frame++) {
		count.held += ledger_state(ledger, frame) != LEDGER_NONE;
		count.hard += ledger_is_hard(ledger, frame);
	}
	return count;
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
	struct block_count held = count_block(&keeper->ledger, block, block + KEEPER_BLOCK_FRAMES);

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

/* Tells the log that the slots of the batch were written, or the frames themselves. */
static void tell_log(const struct keeper *keeper, unsigned count, bool slots)
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

/*
 * The host lets go of the frames batch[at] .. batch[end - 1], whose slots are in the window. Returns how many were
 * still its own.
 */
static unsigned let_go(struct keeper *keeper, const struct window *window, unsigned at,
		       unsigned end)
{
	unsigned released = 0;

	for (unsigned i = at; i < end; i++) {
		uint64_t frame = keeper->batch[i];
		struct meta_slot *slot = window_slot(window, frame);

		released += slot && host_slot_release(slot);
		ledger_set(&keeper->ledger, frame, LEDGER_NONE, false);
		ages_forget(&keeper->ages, frame);
	}
	tell_guest(keeper, at, end);
	return released;
}

/* Punches the batch, run by run. Gives back what cannot be punched, and returns why. */
static int punch_batch(struct keeper *keeper, const struct window *window, unsigned count,
		       struct error *err)
{
	unsigned length;

	for (unsigned at = 0; at < count; at += length) {
		struct frame_run run = frame_run_first(keeper->batch + at, count - at, &length);
		int result = punch_run(&window->region, run);

		keeper->counts.punches++;
		if (result < 0) {
			let_go(keeper, window, at, count);
			return error_set(err, result, "punching the guest's memory: %s",
					 strerror(-result));
		}
		for (uint64_t frame = run.start; frame < run.end; frame++)
			ledger_set(&keeper->ledger, frame, LEDGER_PUNCHED,
				   ledger_is_hard(&keeper->ledger, frame));
	}
	return 0;
}

/* The slots of the batch are HOST. The regions stay, so they are used after the read-side section. */
static int finish_claim(struct keeper *keeper, const struct window *window, unsigned count,
			struct error *err)
{
	uint64_t before = keeper->ledger.counts[LEDGER_PUNCHED];

	tell_log(keeper, count, true);
	int result = expect_same_life(keeper, err);

	if (result == -ESTALE)
		return result;
	result = punch_batch(keeper, window, count, err);
	tell_log(keeper, count, false);
	if (result < 0)
		tell_log(keeper, count, true);
	uint64_t claimed = keeper->ledger.counts[LEDGER_PUNCHED] - before;

	keeper->counts.claimed += claimed;
	return result < 0 ? result : (int)claimed;
}

static int claim_window(struct keeper *keeper, struct keeper_cursor *cursor,
			const struct keeper_wish *wish, bool *more, struct error *err)
{
	struct window window;
	unsigned count = 0;
	int result = expect_same_life(keeper, err);

	if (result < 0)
		return result;
	guest_memory_read_begin();
	*more = next_window(keeper, guest_memory_map(keeper->memory), cursor, &window);
	if (*more && cursor->phase == KEEPER_BLOCKS)
		count = claim_blocks(keeper, wish, &window);
	else if (*more)
		count = claim_frames(keeper, wish, &window, window.first, window.end, 0);
	guest_memory_read_end();
	if (!*more && cursor->phase == KEEPER_BLOCKS && !keeper->whole_blocks) {
		*cursor = (struct keeper_cursor){.phase = KEEPER_SINGLES};
		*more = true;
	}
	return count ? finish_claim(keeper, &window, count, err) : 0;
}

static void announce(struct keeper *keeper, uint64_t soft, uint64_t hard)
{
	enum keeper_state state = soft ? KEEPER_SERVES : hard ? KEEPER_GIVES_NOTHING : KEEPER_NONE;

	if (state != keeper->words.state)
		keeper_words_announce(&keeper->words, state);
}

void keeper_announce(struct keeper *keeper)
{
	const struct ledger *ledger = &keeper->ledger;

	announce(keeper, ledger_held(ledger) - ledger->hard, ledger->hard);
}

/* Before the first claim, or an allocation that misses the frame would not know whom to ask. */
static void announce_claims(struct keeper *keeper, const struct keeper_wish *wish)
{
	const struct ledger *ledger = &keeper->ledger;

	announce(keeper, ledger_held(ledger) - ledger->hard + !wish->hard,
		 ledger->hard + wish->hard);
}

int keeper_claim(struct keeper *keeper, struct keeper_cursor *cursor,
		 const struct keeper_wish *wish, bool *more, struct error *err)
{
	gate_enter(keeper->gate);
	announce_claims(keeper, wish);
	int result = claim_window(keeper, cursor, wish, more, err);

	gate_leave(keeper->gate);
	return result;
}

/* Whether frames of a block are released in this phase. One that is held whole is hard as a whole. */
static bool is_due(const struct keeper *keeper, uint64_t first, uint64_t end,
		   enum keeper_phase phase, bool soft_only, uint64_t left)
{
	const struct block_count count = count_block(&keeper->ledger, first, end);

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

/* New bytes for the batch. Returns 0, or why there are none; *count is then how many frames have some. */
static int populate_batch(struct keeper *keeper, const struct window *window, unsigned *count,
			  struct error *err)
{
	unsigned length;

	for (unsigned at = 0; at < *count; at += length) {
		struct frame_run run = frame_run_first(keeper->batch + at, *count - at, &length);
		int result = populate_run(&window->region, run);

		if (result < 0) {
			*count = at;
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
	int result = populate ? populate_batch(keeper, window, &count, err) : 0;

	if (populate)
		tell_log(keeper, count, false);
	unsigned released = let_go(keeper, window, 0, count);

	tell_log(keeper, count, true);
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

/*
 * Releases frames of the next window, inside of the gate. Windows begin with blocks, since releases start at frame
 * 0.
 */
static int release_next(struct keeper *keeper, struct keeper_cursor *cursor, uint64_t frames,
			bool populate, bool soft_only, bool *more, struct error *err)
{
	struct window window;

	cursor->frame = align_down(next_held(keeper, cursor->frame), KEEPER_BLOCK_FRAMES);
	if (cursor->frame >= keeper->ledger.frames) {
		*cursor = (struct keeper_cursor){.phase = cursor->phase + 1};
		*more = cursor->phase < KEEPER_PHASES;
		return 0;
	}
	*more = true;
	guest_memory_read_begin();
	open_window(keeper, guest_memory_map(keeper->memory), cursor->frame, keeper->ledger.frames,
		    &window);
	guest_memory_read_end();
	cursor->frame = window.end;
	return release_window(keeper, &window, frames, cursor->phase, populate, soft_only, err);
}

int keeper_release(struct keeper *keeper, struct keeper_cursor *cursor, uint64_t frames,
		   bool populate, bool *more, struct error *err)
{
	gate_enter(keeper->gate);
	int result = expect_same_life(keeper, err);

	*more = false;
	if (result == 0)
		result = release_next(keeper, cursor, frames, populate, false, more, err);
	gate_leave(keeper->gate);
	return result;
}

static bool is_soft_block(const struct ledger *ledger, uint64_t block)
{
	const struct block_count count = count_block(ledger, block, block + KEEPER_BLOCK_FRAMES);

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

/* Releases up to `frames` soft frames from `first` on. */
static void release_soft(struct keeper *keeper, uint64_t first, uint64_t frames)
{
	struct keeper_cursor cursor = {.frame = first};
	struct error ignored;
	bool more = true;

	while (more && frames > 0) {
		int result = release_next(keeper, &cursor, frames, false, true, &more, &ignored);

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
	gate_enter(keeper->gate);
	bool is_same_life = expect_same_life(keeper, &ignored) == 0;

	if (is_same_life) {
		serve(keeper, &ask);
		keeper_words_answer(&keeper->words, ask.ticket);
		keeper->counts.asks++;
	}
	gate_leave(keeper->gate);
	return is_same_life;
}
