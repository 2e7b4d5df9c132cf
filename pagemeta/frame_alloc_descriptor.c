/* SPDX-License-Identifier: MPL-2.0 */
/* Where the allocator keeps its state, for outside observers: see pagevisor/allocator.h. */
#include <pagevisor/allocator.h>

#include "frame_pool.h"

_Static_assert(sizeof(struct managed_range) == sizeof(struct allocator_range), "ranges are ABI");

const struct allocator_descriptor frame_alloc_descriptor = {
	.version = ALLOCATOR_VERSION,
	.size = sizeof(struct allocator_descriptor),
	.caches_va = (uint64_t)(uintptr_t)frame_caches,
	.cache_count = PLATFORM_MAX_CPUS,
	.cache_size = sizeof(struct cpu_cache),
	.cache_lock = offsetof(struct cpu_cache, lock),
	.cache_stack_count = offsetof(struct cpu_cache, count),
	.cache_stack = offsetof(struct cpu_cache, frames),
	.cache_stack_max = CACHE_FRAMES,
	.cache_freed_count = offsetof(struct cpu_cache, freed_count),
	.cache_freed = offsetof(struct cpu_cache, freed),
	.cache_freed_max = FREED_FRAMES,
	.cache_fresh_next = offsetof(struct cpu_cache, fresh_next),
	.cache_fresh_end = offsetof(struct cpu_cache, fresh_end),
	.cache_spare = offsetof(struct cpu_cache, spare),
	.spare_frames = FRESH_FRAMES,
	.pool_va = (uint64_t)(uintptr_t)&frame_pool,
	.pool_size = sizeof(struct frame_pool),
	.pool_lock = offsetof(struct frame_pool, lock),
	.block_orders = FRAME_ORDER_MAX + 1,
	.block_first = offsetof(struct frame_pool, buddy.first),
	.block_count = offsetof(struct frame_pool, buddy.blocks),
	.depot_first = offsetof(struct frame_pool, depot.first),
	.depot_count = offsetof(struct frame_pool, depot.count),
	.parked_first = offsetof(struct frame_pool, parked_first),
	.parked_last = offsetof(struct frame_pool, parked_last),
	.parked_count = offsetof(struct frame_pool, parked),
	.managed_frames = offsetof(struct frame_pool, managed),
	.ranges_va = (uint64_t)(uintptr_t)&frame_managed,
	.ranges_size = sizeof(struct managed_ranges),
	.range_count = offsetof(struct managed_ranges, count),
	.range_first = offsetof(struct managed_ranges, ranges),
	.range_max = MANAGED_RANGES_MAX,
	.tag_block = FREE_TAG_BLOCK,
	.tag_spare = FREE_TAG_KEPT + FRESH_ORDER,
	.tag_cached = FREE_TAG_CACHED,
	.tag_parked = FREE_TAG_PARKED,
	.tag_end = FREE_TAG_END,
	.bundle_nodes = BUNDLE_NODES,
	.bundle_leaves = SLOT_STORAGE_WORDS,
};
