/* SPDX-License-Identifier: MPL-2.0 */
/* Runs of frames from the allocator: see frame_alloc.h. */
#include "frame_pool.h"

#define GIVE_PROBES    4  /* frames of a block that are checked when it is given back */
#define PUT_ASIDE_PART 64 /* frames that are put aside before others may have the lock */

/* Whether there are free blocks for a run of this order, but none that are smaller than FRESH_FRAMES. */
static bool has_only_kept_size(unsigned order)
{
	if (order > FRESH_ORDER || !buddy_has(&frame_pool.buddy, order))
		return false;
	for (; order < FRESH_ORDER; order++)
		if (frame_pool.buddy.blocks[order])
			return false;
	return true;
}

/*
 * Takes a run from one block or, past the largest order, from adjacent ones. frame_pool.lock is held. A block of
 * FRESH_FRAMES or more is not split where it begins with a frame of the host: it may all be the host's, and would be
 * put aside frame by frame. It becomes *host, a handful of the caller's, and there is no run.
 */
static bool take_run(uint64_t count, uint64_t align, pfn_t *first, uint64_t *host)
{
	unsigned order = frame_alloc_order(count, align);
	bool looks = has_only_kept_size(order);
	unsigned taken;
	uint64_t size;

	if (order > FRAME_ORDER_MAX) {
		size = align_up(count, UINT64_C(1) << FRAME_ORDER_MAX);
		if (!buddy_take_neighbours(&frame_pool.buddy, size >> FRAME_ORDER_MAX, first))
			return false;
	} else {
		if (!buddy_has(&frame_pool.buddy, order))
			return false;
		buddy_take(&frame_pool.buddy, looks ? FRESH_ORDER : order, first, &taken);
		size = UINT64_C(1) << taken;
	}
	if (looks) {
		frame_handful_begin();
		if (frame_is_host(first->index)) {
			*host = first->index;
			return false;
		}
		frame_handful_end();
	}
	buddy_add(&frame_pool.buddy, pfn(first->index + count), pfn(first->index + size));
	return true;
}

/* Lists a block of the CPU's cache, or of the depots, in the buddy system. False when there is none. */
static bool list_own_block(void)
{
	struct cpu_cache *cache = &frame_caches[platform_cpu()];
	uint64_t block = cache_take_block(cache);

	if (block == FREE_LINK_NONE)
		return false;
	frame_pool_list(block, FRESH_ORDER);
	return true;
}

/* Tries what costs least first. *host as in take_run. */
static bool try_pool(uint64_t count, uint64_t align, pfn_t *first, uint64_t *host)
{
	spin_lock(&frame_pool.lock);
	bool taken = take_run(count, align, first, host);

	if (!taken && *host == FREE_LINK_NONE && frame_alloc_order(count, align) <= FRESH_ORDER &&
	    list_own_block())
		taken = take_run(count, align, first, host);
	if (!taken && *host == FREE_LINK_NONE) {
		frame_pool_drain_blocks();
		taken = take_run(count, align, first, host);
	}
	spin_unlock(&frame_pool.lock);
	if (taken || *host != FREE_LINK_NONE)
		return taken;
	frame_parked_walk_all();
	spin_lock(&frame_pool.lock);
	frame_pool_coalesce();
	taken = take_run(count, align, first, host);
	spin_unlock(&frame_pool.lock);
	return taken;
}

/* Not inlined: the way of a block from the CPU's own cache would save registers for it. */
static __attribute__((noinline)) bool take_from_pool(uint64_t count, uint64_t align, pfn_t *first)
{
	frame_pool_expect_started();
	for (;;) {
		uint64_t host = FREE_LINK_NONE;
		bool taken = try_pool(count, align, first, &host);

		if (host == FREE_LINK_NONE)
			return taken;
		frame_alloc_return(pfn(host), FRESH_FRAMES, 0);
		frame_handful_end();
	}
}

void frame_put_aside_block(uint64_t block, uint64_t state)
{
	spin_lock(&frame_pool.lock);
	frame_pool_put_aside_block(block, state);
	spin_unlock(&frame_pool.lock);
}

/* Puts a block aside if all its frames are the host's. It is in the caller's hand. */
static __attribute__((noinline)) bool put_aside_block(uint64_t block)
{
	uint64_t state;

	if (!frame_block_is_host(block, &state))
		return false;
	frame_put_aside_block(block, state);
	return true;
}

/* Whether the run is a block of the size that the CPUs' caches keep. */
static bool take_block(uint64_t count, uint64_t align, pfn_t *first)
{
	uint64_t block;

	if (count != FRESH_FRAMES || align > FRESH_FRAMES)
		return false;
	do
		block = frame_blocks_take();
	while (block != FREE_LINK_NONE && __builtin_expect(frame_is_host(block), 0) &&
	       put_aside_block(block));
	*first = pfn(block);
	return block != FREE_LINK_NONE;
}

bool frame_alloc_take(uint64_t count, uint64_t align, pfn_t *first)
{
	expect_task("a run taken in an interrupt handler");

	pfn_t run;

	if (!frame_alloc_may_take(count, align))
		return false;
	if (!take_block(count, align, &run) && !take_from_pool(count, align, &run))
		return false;
	slot_word_store(&pfn_to_meta(run)->vtable_ptr, FREE_TAG_LENT);
	*first = run;
	return true;
}

/* Aborts if a frame that is given back has an owner other than the host. */
static inline void expect_not_in_use(const struct meta_slot *slot)
{
	uint32_t refs = slot_state_refs(slot_load(slot));

	if (refs != REF_UNUSED && refs != REF_HOST)
		slot_abort(slot, "a frame given back that is in use", slot_load(slot));
}

static _Noreturn void abort_listed(const struct meta_slot *slot)
{
	slot_abort(slot, "a frame given back that is listed as free", slot_load(slot));
}

/* Aborts if a frame that is given back is in use or listed, according to its slot. */
static inline void expect_given(pfn_t frame)
{
	const struct meta_slot *slot = pfn_to_meta(frame);

	expect_not_in_use(slot);
	if (free_tag_is_listed(slot_word_load(&slot->vtable_ptr)))
		abort_listed(slot);
}

/* Aborts if one of the frames is foreign, and names the first. A lock that frame_managed requires is held. */
static void expect_managed_run(pfn_t first, uint64_t count)
{
	struct managed_range range = managed_ranges_find(&frame_managed, first.index);

	if (managed_range_holds(range, first.index)) {
		if (count <= range.end - first.index)
			return;
		first = pfn(range.end);
	}

	/* The frame may have no slot. */
	bool has_slot = first.index < meta_max_paddr / PAGE_SIZE;

	platform_abort("a foreign frame was given back", pfn_to_paddr(first),
		       has_slot ? slot_load(pfn_to_meta(first)) : 0);
}

/* Whether this is the first frame of a run that was handed out, and not claimed yet. */
static bool is_lent(pfn_t frame)
{
	return slot_word_load(&pfn_to_meta(frame)->vtable_ptr) == FREE_TAG_LENT;
}

/*
 * Aborts if a frame that it checks is in use or listed. It checks GIVE_PROBES frames at equal distances in each block
 * that the run makes up, and the run's last frame. buddy_lists finds a listed block around a block, at the cost of a
 * cache miss for each larger order; a lent block is spared that. A listed block that begins further inside is found
 * only if its first frame is checked. More probes would noticeably slow down order 9.
 */
static void expect_given_run(pfn_t first, pfn_t end)
{
	for (pfn_t block = first; block.index < end.index;) {
		uint64_t size = UINT64_C(1) << buddy_order_at(block, end);
		uint64_t step = size > GIVE_PROBES ? size / GIVE_PROBES : 1;

		if (!is_lent(block) && buddy_lists(block))
			abort_listed(pfn_to_meta(block));
		for (uint64_t i = 0; i < size; i += step)
			expect_given(pfn(block.index + i));
		block.index += size;
	}
	expect_given(pfn(end.index - 1));
}

/* Starts to read what the checks of a block will look at. */
static inline void prefetch_block(pfn_t first)
{
	const struct meta_slot *slots = pfn_to_meta(first);

	__builtin_prefetch(slots, 1);
	for (unsigned i = 1; i < GIVE_PROBES; i++)
		__builtin_prefetch(slots + i * (FRESH_FRAMES / GIVE_PROBES));
	__builtin_prefetch(slots + FRESH_FRAMES - 1);
}

/*
 * The checks read tags of other blocks without frame_pool.lock, while these may be split and merged. Even then tags
 * mark only free frames as free.
 */
static bool give_block(pfn_t first, uint64_t count)
{
	struct cpu_cache *cache = &frame_caches[platform_cpu()];

	if (count != FRESH_FRAMES || !is_aligned(first.index, FRESH_FRAMES))
		return false;
	prefetch_block(first);
	spin_lock(&cache->lock);
	expect_managed_run(first, count);
	expect_given_run(first, pfn(first.index + count));
	cache_push_block(cache, first.index);
	spin_unlock(&cache->lock);
	return true;
}

void frame_alloc_give(pfn_t first, uint64_t count)
{
	expect_task("a run given back in an interrupt handler");

	pfn_t end = pfn(first.index + count);

	if (count == 0 || give_block(first, count))
		return;
	spin_lock(&frame_pool.lock);
	expect_managed_run(first, count);
	expect_given_run(first, end);
	/* No longer lent. Cleared here because the frame may not be the first of a listed block. */
	slot_word_store(&pfn_to_meta(first)->vtable_ptr, 0);
	buddy_add(&frame_pool.buddy, first, end);
	spin_unlock(&frame_pool.lock);
}

void frame_alloc_put_aside(pfn_t frame)
{
	expect_task("a frame put aside in an interrupt handler");

	const struct meta_slot *slot = pfn_to_meta(frame);

	spin_lock(&frame_pool.lock);
	expect_managed_run(frame, 1);
	expect_not_in_use(slot);
	/* A frame that came out of a cache keeps the cache's tag until it is claimed. */
	if (buddy_lists(frame))
		abort_listed(slot);
	frame_pool_put_aside(frame.index);
	spin_unlock(&frame_pool.lock);
}

/* Puts aside up to PUT_ASIDE_PART frames. Returns the end of those. */
static uint64_t put_aside_part(uint64_t frame, uint64_t end)
{
	if (end - frame > PUT_ASIDE_PART)
		end = frame + PUT_ASIDE_PART;
	spin_lock(&frame_pool.lock);
	for (; frame < end; frame++) {
		const struct meta_slot *slot = pfn_to_meta(pfn(frame));

		expect_not_in_use(slot);
		if (free_tag_order(slot_word_load(&slot->vtable_ptr)) <= FRAME_ORDER_MAX)
			abort_listed(slot);
		frame_pool_put_aside(frame);
	}
	spin_unlock(&frame_pool.lock);
	return end;
}

void frame_put_aside_run(uint64_t frame, uint64_t end)
{
	if (end - frame == FRESH_FRAMES && is_aligned(frame, FRESH_FRAMES) &&
	    put_aside_block(frame))
		return;
	while (frame < end)
		frame = put_aside_part(frame, end);
}

/* The end of the frames from `frame` on that are the host's, in one block of FRESH_FRAMES, or that are not. */
static uint64_t alike_end(uint64_t frame, uint64_t end)
{
	const bool host = frame_is_host(frame);
	const uint64_t limit = align_down(frame, FRESH_FRAMES) + FRESH_FRAMES;

	do
		frame++;
	while (frame < end && (frame < limit || !host) && frame_is_host(frame) == host);
	return frame;
}

void frame_alloc_return(pfn_t first, uint64_t count, uint64_t claimed)
{
	expect_task("a run given back in an interrupt handler");

	const uint64_t end = first.index + count;

	spin_lock(&frame_pool.lock);
	expect_managed_run(first, count);
	frame_parked_count_warmed(claimed);
	spin_unlock(&frame_pool.lock);
	for (uint64_t frame = first.index; frame < end;) {
		uint64_t next = alike_end(frame, end);

		if (frame_is_host(frame))
			frame_put_aside_run(frame, next);
		else
			frame_alloc_give(pfn(frame), next - frame);
		frame = next;
	}
}
