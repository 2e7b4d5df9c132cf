/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Blocks of FRESH_FRAMES, treated as single frames are: each CPU has a stack of them, the depots hold bundles, and the
 * buddy system is asked for many at once. They are merged when somebody needs larger runs: see frame_pool.h.
 */
#include "frame_pool.h"

#define PREFETCH_AHEAD 6 /* blocks */

/* A refill takes 2^REFILL_ORDER blocks, or fewer: at most a part 2^-REFILL_SHARE of what the buddy system has. */
#define REFILL_ORDER 5
#define REFILL_SHARE 3

uint64_t cache_pop_block(struct cpu_cache *cache)
{
	if (cache->block_count == 0) {
		if (!frame_depot_pop(cache_cpu(cache), DEPOT_BLOCKS, cache->blocks))
			return FREE_LINK_NONE;
		cache_set_block_count(cache, BUNDLE_FRAMES);
	}

	uint32_t count = cache->block_count - 1;

	/* Its owner changes the tag at once. */
	if (count >= PREFETCH_AHEAD)
		__builtin_prefetch(pfn_to_meta(pfn(cache->blocks[count - PREFETCH_AHEAD])), 1);
	cache_set_block_count(cache, count);
	return cache->blocks[count];
}

/* The order of a block of the buddy system that is worth a refill, at least FRESH_ORDER. */
static unsigned refill_order(void)
{
	uint64_t most = buddy_frames(&frame_pool.buddy) >> REFILL_SHARE;
	unsigned order = FRESH_ORDER + REFILL_ORDER;

	while (order > FRESH_ORDER &&
	       (UINT64_C(1) << order > most || !buddy_has(&frame_pool.buddy, order)))
		order--;
	return order;
}

bool cache_refill_blocks(struct cpu_cache *cache)
{
	unsigned order = refill_order();
	pfn_t first;

	if (!buddy_has(&frame_pool.buddy, order))
		return false;
	buddy_take(&frame_pool.buddy, order, &first, &order);
	uint32_t count = UINT32_C(1) << (order - FRESH_ORDER);

	/* The lowest is the first to be handed out. */
	for (uint32_t i = 0; i < count; i++) {
		uint64_t block = first.index + (count - 1 - i) * FRESH_FRAMES;

		slot_word_store(&pfn_to_meta(pfn(block))->vtable_ptr, FREE_TAG_KEPT + FRESH_ORDER);
		cache->blocks[i] = block;
	}
	cache_set_block_count(cache, count);
	return true;
}

/* Locks two caches in the order of their CPUs. */
static void lock_both(struct cpu_cache *a, struct cpu_cache *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct cpu_cache *a, struct cpu_cache *b)
{
	spin_unlock(a < b ? &b->lock : &a->lock);
	spin_unlock(a < b ? &a->lock : &b->lock);
}

bool cache_steal_blocks(struct cpu_cache *cache)
{
	for (struct cpu_cache *from = frame_caches; from < frame_caches + PLATFORM_MAX_CPUS;
	     from++) {
		if (from == cache || __atomic_load_n(&from->block_count, __ATOMIC_RELAXED) == 0)
			continue;
		lock_both(cache, from);
		uint32_t moved = cache->block_count ? 0 : (from->block_count + 1) / 2;

		for (uint32_t i = 0; i < moved; i++)
			cache->blocks[i] = from->blocks[from->block_count - moved + i];
		if (moved) {
			cache_set_block_count(from, from->block_count - moved);
			cache_set_block_count(cache, moved);
		}
		unlock_both(cache, from);
		if (moved)
			return true;
	}
	return false;
}

uint64_t cache_take_block(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	uint64_t block = cache_pop_block(cache);

	spin_unlock(&cache->lock);
	return block;
}

static uint64_t take_from_buddy(struct cpu_cache *cache)
{
	spin_lock(&frame_pool.lock);
	spin_lock(&cache->lock);
	if (cache->block_count == 0)
		cache_refill_blocks(cache);
	uint64_t block = cache_pop_block(cache);

	spin_unlock(&cache->lock);
	spin_unlock(&frame_pool.lock);
	return block;
}

uint64_t frame_blocks_take(void)
{
	struct cpu_cache *cache = &frame_caches[platform_cpu()];
	uint64_t block = cache_take_block(cache);

	if (__builtin_expect(block != FREE_LINK_NONE, 1))
		return block;
	block = take_from_buddy(cache);
	if (block == FREE_LINK_NONE && cache_steal_blocks(cache))
		block = cache_take_block(cache);
	return block;
}

/* The stack is full: moves the older half to the depot. */
static void spill(struct cpu_cache *cache)
{
	frame_depot_push(cache_cpu(cache), DEPOT_BLOCKS, cache->blocks);
	for (uint32_t i = 0; i < CACHE_BLOCKS - BUNDLE_FRAMES; i++)
		cache->blocks[i] = cache->blocks[BUNDLE_FRAMES + i];
	cache_set_block_count(cache, CACHE_BLOCKS - BUNDLE_FRAMES);
}

void cache_push_block(struct cpu_cache *cache, uint64_t block)
{
	slot_word_store(&pfn_to_meta(pfn(block))->vtable_ptr, FREE_TAG_KEPT + FRESH_ORDER);
	if (cache->block_count == CACHE_BLOCKS)
		spill(cache);
	cache->blocks[cache->block_count] = block;
	cache_set_block_count(cache, cache->block_count + 1);
}
