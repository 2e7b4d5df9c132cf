/* SPDX-License-Identifier: MPL-2.0 */
/* Single frames from the allocator, by way of the CPUs' caches: see frame_alloc.h. */
#include "frame_alloc.h"

#include "frame_pool.h"

#define PREFETCH_AHEAD 12 /* frames; about as many misses as a core has outstanding at once */

/* For functions that the order-0 path rarely calls: inlined, they would make it save registers each time. */
#define NOT_INLINED __attribute__((noinline))

/* What a refill of a cache looks at of what is parked. Bounded, because the host may hold many. */
#define UNPARK_BATCH 16

/* Prefetches a slot that is about to be claimed. For writing: another CPU may have its cache line. */
static inline void prefetch_slot(uint64_t frame)
{
	__builtin_prefetch(pfn_to_meta(pfn(frame)), 1);
}

/* Takes frames into an empty cache: from the depots, else a block of the cache's own. False when there are none. */
static bool fill(struct cpu_cache *cache)
{
	uint64_t block;

	if (frame_depot_pop(cache_cpu(cache), DEPOT_FRAMES, cache->frames)) {
		cache->count = BUNDLE_FRAMES;
		for (unsigned i = BUNDLE_FRAMES - PREFETCH_AHEAD; i < BUNDLE_FRAMES; i++)
			prefetch_slot(cache->frames[i]);
		return true;
	}
	block = cache_pop_block(cache);
	if (block == FREE_LINK_NONE)
		return false;
	slot_word_store(&pfn_to_meta(pfn(block))->vtable_ptr, 0);
	cache->fresh_next = block;
	cache->fresh_end = block + FRESH_FRAMES;
	return true;
}

/* The same from the buddy system, too. frame_pool.lock is held. */
static bool fill_from_pool(struct cpu_cache *cache)
{
	unsigned order;
	pfn_t block;

	if (fill(cache) || (cache_refill_blocks(cache) && fill(cache)))
		return true;
	/* There are only smaller blocks. */
	if (!buddy_take(&frame_pool.buddy, FRESH_ORDER, &block, &order))
		return false;
	cache->fresh_next = block.index;
	cache->fresh_end = block.index + (UINT64_C(1) << order);
	return true;
}

/* One CPU's cache. */

/*
 * Moves the frames that this CPU recently freed to its stack. Called by the owner with the lock held, when the stack
 * has room. False when there were none left.
 */
static NOT_INLINED bool collect_freed(struct cpu_cache *cache)
{
	uint32_t before = cache->count;
	uint32_t count = before;

	for (uint32_t i = 0; i < cache->freed_count; i++) {
		uint64_t frame = cache->freed[i];

		if (__builtin_expect(!managed_range_holds(cache->range, frame), 0)) {
			if (frame == FREE_LINK_NONE)
				continue;
			frame_expect_managed(frame, &cache->range);
		}
		cache->frames[count++] = frame;
	}
	cache->count = count;
	__atomic_store_n(&cache->freed_count, 0, __ATOMIC_RELAXED);
	return count > before;
}

/* Takes a single frame from a cache, whose lock is held. FREE_LINK_NONE when it has none. */
static inline uint64_t cache_pop(struct cpu_cache *cache)
{
	if (__builtin_expect(cache->count > 0, 1)) {
		uint32_t count = --cache->count;

		/* Frames freed in random order miss the cache when they are claimed. */
		if (count >= PREFETCH_AHEAD)
			prefetch_slot(cache->frames[count - PREFETCH_AHEAD]);
		return cache->frames[count];
	}
	if (cache->freed_count > 0 && collect_freed(cache))
		return cache->frames[--cache->count];
	if (cache->fresh_next < cache->fresh_end)
		return cache->fresh_next++;
	return FREE_LINK_NONE;
}

static inline bool is_empty(const struct cpu_cache *cache)
{
	return cache->count == 0 && cache->fresh_next == cache->fresh_end;
}

/* Refills the cache, if it is empty, and takes a frame. Locks the cache; frame_pool.lock is held. */
static uint64_t fill_and_pop(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	if (is_empty(cache))
		fill_from_pool(cache);
	uint64_t frame = cache_pop(cache);

	spin_unlock(&cache->lock);
	return frame;
}

/* Takes a frame from the buddy system, else from another CPU. */
static uint64_t pop_from_pool(struct cpu_cache *cache)
{
	frame_pool_expect_started();
	spin_lock(&frame_pool.lock);
	uint64_t frame = fill_and_pop(cache);

	if (frame == FREE_LINK_NONE && cache_steal_blocks(cache))
		frame = fill_and_pop(cache);
	spin_unlock(&frame_pool.lock);
	if (frame != FREE_LINK_NONE)
		return frame;
	frame_parked_walk_all();
	spin_lock(&frame_pool.lock);
	frame_pool_coalesce();
	frame = fill_and_pop(cache);
	spin_unlock(&frame_pool.lock);
	return frame;
}

/* Looks at some of what is parked, if the host has released anything. */
static void unpark_some(void)
{
	if (__builtin_expect(!frame_parked_is_stale(), 1))
		return;
	spin_lock(&frame_pool.lock);
	frame_pool_unpark(UNPARK_BATCH);
	spin_unlock(&frame_pool.lock);
}

/* Refills the cache, after cache_pop found nothing, and takes a frame. */
static NOT_INLINED uint64_t refill_and_pop(struct cpu_cache *cache)
{
	unpark_some();
	spin_lock(&cache->lock);
	if (is_empty(cache))
		fill(cache);
	uint64_t frame = cache_pop(cache);

	spin_unlock(&cache->lock);
	return frame != FREE_LINK_NONE ? frame : pop_from_pool(cache);
}

static inline uint64_t take_frame(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	uint64_t frame = cache_pop(cache);

	spin_unlock(&cache->lock);
	return __builtin_expect(frame != FREE_LINK_NONE, 1) ? frame : refill_and_pop(cache);
}

/*
 * The stack and `freed` are full. Moves `freed` to the depot as it is: a bundle in the order of its frees. Nobody has
 * taken a frame out of it: whoever does so also empties the stack, which gains no more than a bundle before `freed` is
 * full again. The cache's lock is held.
 */
static void spill(struct cpu_cache *cache)
{
	for (uint32_t i = 0; i < FREED_FRAMES; i++)
		frame_expect_managed(cache->freed[i], &cache->range);
	frame_depot_push(cache_cpu(cache), DEPOT_FRAMES, cache->freed);
	__atomic_store_n(&cache->freed_count, 0, __ATOMIC_RELAXED);
}

/* `freed` is full. Called by its CPU, without the lock. */
static NOT_INLINED void empty_freed(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	if (cache->count <= CACHE_FRAMES - FREED_FRAMES)
		collect_freed(cache);
	else
		spill(cache);
	spin_unlock(&cache->lock);
}

struct meta_slot *frame_alloc_next(void)
{
	uint64_t frame = take_frame(&frame_caches[platform_cpu()]);

	return frame == FREE_LINK_NONE ? NULL : pfn_to_meta(pfn(frame));
}

/*
 * If the frame was the last that the caller's CPU took out of the block that it uses up, takes those behind it that are
 * the host's, too: they are a handful. Returns the end of all. *is_block says whether they are a block, found as by
 * frame_block_is_host: so it need not be read once more.
 */
static uint64_t take_host_frames(struct cpu_cache *cache, uint64_t frame, bool *is_block,
				 uint64_t *state)
{
	uint64_t end = frame + 1;

	spin_lock(&cache->lock);
	bool looks = cache->fresh_next == end && end < cache->fresh_end;

	if (looks)
		frame_handful_begin();
	*is_block = looks && cache->fresh_end == frame + FRESH_FRAMES &&
		    is_aligned(frame, FRESH_FRAMES) && frame_block_is_host(frame, state);
	if (*is_block)
		end = cache->fresh_next = cache->fresh_end;
	if (looks && !*is_block) {
		while (end < cache->fresh_end && frame_is_host(end))
			end++;
		cache->fresh_next = end;
	}
	if (looks && end == frame + 1)
		frame_handful_end();
	spin_unlock(&cache->lock);
	return end;
}

void frame_alloc_next_failed(struct meta_slot *slot, enum ref_class found)
{
	if (found != REF_CLASS_HOST)
		slot_abort(slot, "the allocator found a frame that is not unused", slot_load(slot));

	uint64_t frame = meta_to_pfn(slot).index, state;
	bool is_block;
	uint64_t end = take_host_frames(&frame_caches[platform_cpu()], frame, &is_block, &state);

	if (is_block)
		frame_put_aside_block(frame, state);
	else
		frame_put_aside_run(frame, end);
	if (end > frame + 1)
		frame_handful_end();
}

void frame_alloc_release(struct meta_slot *slot)
{
	uint64_t irq = irq_save();
	struct cpu_cache *cache = &frame_caches[platform_cpu()];
	uint32_t at = cache->freed_count;

	cache->freed[at] = meta_to_pfn(slot).index;
	__atomic_store_n(&cache->freed_count, at + 1, __ATOMIC_RELEASE);
	if (__builtin_expect(at + 1 == FREED_FRAMES, 0))
		empty_freed(cache);
	irq_restore(irq);
}
