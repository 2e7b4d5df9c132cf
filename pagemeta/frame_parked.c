/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames and blocks that the host holds, put aside: see frame_pool.h.
 *
 * The host moves `released` of the keeper's page (pagevisor/keeper.h) after each batch of frames that it has released.
 * So nobody looks at what is parked until `released` has moved, whatever the host holds.
 *
 *   `seen`   is `released` as it was loaded before the last complete walk over all that is parked. The load is acquire
 *            and pairs with the host's release store: a walk finds every frame that was released before that value.
 *   parking  only what reads HOST under frame_pool.lock is parked. A frame released before `seen` was loaded cannot:
 *            the CPU that loaded it saw the release, and frame_pool.lock passes that on. So the release of whatever is
 *            parked moves `released` past `seen`.
 *   a walk   may be made in parts, each under the lock, for others want it, too. What is parked meanwhile goes to the
 *            front of its list, behind the walk, and reads HOST later than `released` was loaded, as above.
 *   a block  that is parked as one is the host's only as long as its first frame is in the state in which it was found:
 *            the generation moves if the host releases the block, and takes that frame again before anybody looks.
 *   hints    spare the walk: between two values of `released` whatever was released is in a block that was hinted. So
 *            whoever has looked at all hints up to hint_head, loaded after `released`, has looked at enough. The ring
 *            may have overflowed, before or meanwhile: hint_head is loaded once more after the hints were read.
 */
#include <pagevisor/keeper.h>

#include "frame_pool.h"

/* What a CPU that has found no memory looks at before it lets others have the lock. Less in tests/model/ask_steps.h. */
#ifndef WALK_PART
#define WALK_PART 256
#endif

/* Whether the host has held a parked block ever since. */
static bool is_still_host(uint64_t block)
{
	const struct meta_slot *slot = pfn_to_meta(pfn(block));

	/* Acquire: the host releases a block's first frame last, so whoever finds it released finds all of them so. */
	return slot_load(slot) == slot_word_load(&slot->storage[FREE_STATE]);
}

/* Counts for observers. The holder of frame_pool.lock alone writes them. */
static void count(uint64_t *counter, uint64_t more)
{
	slot_word_store(counter, *counter + more);
}

/* CPUs with a handful. */
static uint32_t handfuls;

void frame_parked_init(void)
{
	for (unsigned which = 0; which < PARKED_LISTS; which++)
		frame_pool.parked[which] =
			(struct parked_list){.first = FREE_LINK_NONE, .next = FREE_LINK_NONE};
	handfuls = 0;
	frame_pool.is_walking = false;
	frame_pool.seen = 0;
	frame_pool.hint_seen = 0;
}

static uint32_t load_released(int order)
{
	return __atomic_load_n(&frame_keeper.released, order);
}

bool frame_parked_is_stale(void)
{
	/* Relaxed: the walk loads both again, under the lock. */
	return load_released(__ATOMIC_RELAXED) !=
	       __atomic_load_n(&frame_pool.seen, __ATOMIC_RELAXED);
}

void frame_handful_begin(void)
{
	/*
	 * Relaxed: the lock passes it on. The fence is paired with the load's: if that finds no handful, whoever made it had
	 * loaded `released` before the caller loads the states of what it takes up.
	 */
	__atomic_fetch_add(&handfuls, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void frame_handful_end(void)
{
	/* Release, paired with the load: whoever finds no handful finds what was in it listed, or parked. */
	__atomic_fetch_sub(&handfuls, 1, __ATOMIC_RELEASE);
}

bool frame_alloc_has_handful(void)
{
	/* After `released` was loaded: see frame_handful_begin. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&handfuls, __ATOMIC_ACQUIRE) != 0;
}

/* Below, frame_pool.lock is held. */

static const struct {
	uint64_t frames; /* in each entry of the list */
	unsigned order;
} parked_kinds[PARKED_LISTS] = {
	[PARKED_FRAMES] = {1, 0},
	[PARKED_BLOCKS] = {FRESH_FRAMES, FRESH_ORDER},
};

static void park(enum parked_kind kind, uint64_t frame)
{
	struct parked_list *list = &frame_pool.parked[kind];

	free_list_link(&list->first, &list->count, pfn(frame),
		       FREE_TAG_PARKED + parked_kinds[kind].order);
	count(kind == PARKED_FRAMES ? &frame_keeper.parked_frames : &frame_keeper.parked_blocks, 1);
}

void frame_pool_put_aside(uint64_t frame)
{
	if (frame_is_host(frame))
		park(PARKED_FRAMES, frame);
	else
		frame_pool_list(frame, 0);
}

void frame_pool_put_aside_block(uint64_t block, uint64_t state)
{
	struct meta_slot *slot = pfn_to_meta(pfn(block));

	slot_word_store(&slot->storage[FREE_STATE], state);
	if (is_still_host(block))
		park(PARKED_BLOCKS, block);
	else
		frame_pool_list(block, FRESH_ORDER);
}

void frame_parked_count_warmed(uint64_t frames)
{
	count(&frame_keeper.warmed, frames);
}

/* Lists an entry that the host has released. */
static void unpark(enum parked_kind kind, uint64_t frame)
{
	struct parked_list *list = &frame_pool.parked[kind];

	free_list_unlink(&list->first, &list->count, pfn(frame));
	frame_pool_list(frame, parked_kinds[kind].order);
	count(&frame_keeper.taken_back, parked_kinds[kind].frames);
}

/* Lists what the host has released of the next `limit` entries. Returns how many it looked at. */
static uint64_t walk(enum parked_kind kind, uint64_t limit)
{
	struct parked_list *list = &frame_pool.parked[kind];
	uint64_t looked = 0;

	for (; looked < limit && list->next != FREE_LINK_NONE; looked++) {
		uint64_t frame = list->next;

		list->next = slot_word_load(&pfn_to_meta(pfn(frame))->storage[FREE_NEXT]);
		if (kind == PARKED_BLOCKS ? !is_still_host(frame) : !frame_is_host(frame))
			unpark(kind, frame);
	}
	return looked;
}

static bool is_parked(enum parked_kind kind, uint64_t frame)
{
	return slot_word_load(&pfn_to_meta(pfn(frame))->vtable_ptr) ==
	       FREE_TAG_PARKED + parked_kinds[kind].order;
}

/* Looks at the frames that a hint names, and at the block that begins among them. They may be anything. */
static void look_at_hint(uint64_t hint, struct managed_range *range)
{
	const uint64_t first = keeper_hint_frame(hint);
	const uint64_t block = align_down(first, FRESH_FRAMES);
	const unsigned order = keeper_hint_order(hint);

	if (order > FRESH_ORDER || !is_aligned(first, UINT64_C(1) << order))
		return;
	for (uint64_t frame = first; frame < first + (UINT64_C(1) << order); frame++) {
		if (!managed_range_holds(*range, frame))
			*range = managed_ranges_find(&frame_managed, frame);
		if (!managed_range_holds(*range, frame))
			continue;
		if (frame == block && is_parked(PARKED_BLOCKS, frame) && !is_still_host(frame)) {
			unpark(PARKED_BLOCKS, frame);
			return;
		}
		if (is_parked(PARKED_FRAMES, frame) && !frame_is_host(frame))
			unpark(PARKED_FRAMES, frame);
	}
}

static bool has_overflowed(uint32_t head)
{
	return head - frame_pool.hint_seen >= KEEPER_HINTS;
}

static void set_seen(uint32_t released)
{
	/* Relaxed: whoever relies on them takes the lock next. */
	__atomic_store_n(&frame_pool.seen, released, __ATOMIC_RELAXED);
	__atomic_store_n(&frame_pool.walks, frame_pool.walks + 1, __ATOMIC_RELAXED);
}

/* Looks at hints, in parts of `limit` frames or a little more. Returns false if they are not enough. */
static bool take_hints(uint64_t limit)
{
	const uint32_t released = load_released(__ATOMIC_ACQUIRE);
	/* Acquire: the hints were written before it was. */
	const uint32_t head = __atomic_load_n(&frame_keeper.hint_head, __ATOMIC_ACQUIRE);
	struct managed_range range = {0, 0};
	uint32_t at = frame_pool.hint_seen;

	if (has_overflowed(head))
		return false;
	for (uint64_t looked = 0; at != head && looked < limit; at++) {
		const uint64_t hint =
			__atomic_load_n(&frame_keeper.hints[at % KEEPER_HINTS], __ATOMIC_RELAXED);

		look_at_hint(hint, &range);
		looked += UINT64_C(1) << (keeper_hint_order(hint) % (FRESH_ORDER + 1));
	}
	/* The hints are read before this: a load that acquires does not wait for earlier ones. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (has_overflowed(__atomic_load_n(&frame_keeper.hint_head, __ATOMIC_RELAXED)))
		return false;
	frame_pool.hint_seen = at;
	if (at == head)
		set_seen(released);
	return true;
}

static void begin_walk(void)
{
	uint32_t released = load_released(__ATOMIC_ACQUIRE);

	/* Hints that are older than what the walk looks at. */
	frame_pool.hint_seen = __atomic_load_n(&frame_keeper.hint_head, __ATOMIC_ACQUIRE);
	frame_pool.is_walking = true;
	frame_pool.walk_released = released;
	for (unsigned which = 0; which < PARKED_LISTS; which++)
		frame_pool.parked[which].next = frame_pool.parked[which].first;
}

void frame_pool_unpark(uint64_t limit)
{
	if (!frame_parked_is_stale() || (!frame_pool.is_walking && take_hints(limit)))
		return;
	if (!frame_pool.is_walking)
		begin_walk();
	limit -= walk(PARKED_BLOCKS, limit);
	walk(PARKED_FRAMES, limit);
	for (unsigned which = 0; which < PARKED_LISTS; which++)
		if (frame_pool.parked[which].next != FREE_LINK_NONE)
			return;
	frame_pool.is_walking = false;
	set_seen(frame_pool.walk_released);
}

uint64_t frame_parked_count(void)
{
	uint64_t frames = 0;

	for (unsigned which = 0; which < PARKED_LISTS; which++)
		frames += frame_pool.parked[which].count * parked_kinds[which].frames;
	return frames;
}

/* Below, the caller holds no lock. */

uint32_t frame_parked_walk_all(void)
{
	const uint32_t released = load_released(__ATOMIC_ACQUIRE);

	const uint32_t walks = __atomic_load_n(&frame_pool.walks, __ATOMIC_RELAXED);

	/*
	 * The first walk to end may have begun before the load. The second has not, whoever makes it. And if nothing was
	 * released since the last one, that has seen more than this load.
	 */
	while (frame_parked_is_stale() &&
	       __atomic_load_n(&frame_pool.seen, __ATOMIC_RELAXED) != released &&
	       __atomic_load_n(&frame_pool.walks, __ATOMIC_RELAXED) - walks < 2) {
		spin_lock(&frame_pool.lock);
		frame_pool_unpark(WALK_PART);
		spin_unlock(&frame_pool.lock);
	}
	return released;
}

/*
 * Reads all states twice. The generation goes up with each claim, so if all are HOST and the sum of the generations is
 * the same, there was a moment between the two at which the host held all frames at once. From then on it releases them
 * together. One reading is not enough: the host may have let go of a frame that was already looked at when it took the
 * last one.
 */
bool frame_block_is_host(uint64_t block, uint64_t *first)
{
	const struct meta_slot *slots = pfn_to_meta(pfn(block));
	uint64_t sums[2] = {0, 0};

	*first = slot_load(slots);
	for (unsigned turn = 0; turn < 2; turn++)
		for (uint64_t i = 0; i < FRESH_FRAMES; i++) {
			uint64_t state = slot_load(&slots[i]);

			if (slot_state_refs(state) != REF_HOST)
				return false;
			sums[turn] += slot_state_generation(state);
		}
	return sums[0] == sums[1];
}
