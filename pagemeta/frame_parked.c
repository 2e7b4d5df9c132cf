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
 */
#include <pagevisor/keeper.h>

#include "frame_pool.h"

/* What a CPU that has found no memory looks at before it lets others have the lock. */
#define WALK_PART 256

static bool is_host(uint64_t frame)
{
	/* Acquire: the host releases a block's first frame last, so whoever finds it released finds all of them so. */
	return slot_state_refs(slot_load(pfn_to_meta(pfn(frame)))) == REF_HOST;
}

/* Counts for observers. The holder of frame_pool.lock alone writes them. */
static void count(uint64_t *counter, uint64_t more)
{
	slot_word_store(counter, *counter + more);
}

void frame_parked_init(void)
{
	for (unsigned which = 0; which < PARKED_LISTS; which++)
		frame_pool.parked[which] =
			(struct parked_list){.first = FREE_LINK_NONE, .next = FREE_LINK_NONE};
	frame_pool.is_walking = false;
	frame_pool.seen = 0;
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
	if (is_host(frame))
		park(PARKED_FRAMES, frame);
	else
		frame_pool_list(frame, 0);
}

void frame_pool_put_aside_block(uint64_t block)
{
	if (is_host(block))
		park(PARKED_BLOCKS, block);
	else
		frame_pool_list(block, FRESH_ORDER);
}

void frame_parked_count_warmed(uint64_t frames)
{
	count(&frame_keeper.warmed, frames);
}

/* Lists what the host has released of the next `limit` entries. Returns how many it looked at. */
static uint64_t walk(enum parked_kind kind, uint64_t limit)
{
	struct parked_list *list = &frame_pool.parked[kind];
	uint64_t looked = 0;

	for (; looked < limit && list->next != FREE_LINK_NONE; looked++) {
		uint64_t frame = list->next;

		list->next = slot_word_load(&pfn_to_meta(pfn(frame))->storage[FREE_NEXT]);
		if (is_host(frame))
			continue;
		free_list_unlink(&list->first, &list->count, pfn(frame));
		frame_pool_list(frame, parked_kinds[kind].order);
		count(&frame_keeper.taken_back, parked_kinds[kind].frames);
	}
	return looked;
}

/* Begins a walk if `released` has moved since the last one. */
static void begin_walk(void)
{
	uint32_t released = load_released(__ATOMIC_ACQUIRE);

	if (released == frame_pool.seen)
		return;
	frame_pool.is_walking = true;
	frame_pool.walk_released = released;
	for (unsigned which = 0; which < PARKED_LISTS; which++)
		frame_pool.parked[which].next = frame_pool.parked[which].first;
}

void frame_pool_unpark(uint64_t limit)
{
	if (!frame_pool.is_walking)
		begin_walk();
	if (!frame_pool.is_walking)
		return;
	limit -= walk(PARKED_BLOCKS, limit);
	walk(PARKED_FRAMES, limit);
	for (unsigned which = 0; which < PARKED_LISTS; which++)
		if (frame_pool.parked[which].next != FREE_LINK_NONE)
			return;
	frame_pool.is_walking = false;
	/* Relaxed: whoever relies on them takes the lock next. */
	__atomic_store_n(&frame_pool.seen, frame_pool.walk_released, __ATOMIC_RELAXED);
	__atomic_store_n(&frame_pool.walks, frame_pool.walks + 1, __ATOMIC_RELAXED);
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

	/* The first walk to end may have begun before the load. The second has not, whoever makes it. */
	while (__atomic_load_n(&frame_pool.seen, __ATOMIC_RELAXED) != released &&
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
bool frame_block_is_host(uint64_t block)
{
	const struct meta_slot *slots = pfn_to_meta(pfn(block));
	uint64_t sums[2] = {0, 0};

	for (unsigned turn = 0; turn < 2; turn++)
		for (uint64_t i = 0; i < FRESH_FRAMES; i++) {
			uint64_t state = slot_load(&slots[i]);

			if (slot_state_refs(state) != REF_HOST)
				return false;
			sums[turn] += slot_state_generation(state);
		}
	return sums[0] == sums[1];
}
