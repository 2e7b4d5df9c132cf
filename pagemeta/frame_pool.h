/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The allocator's internals, shared by its files. Callers use frame_alloc.h.
 *
 *   frame_pool.c   managed ranges, the free frames behind the caches, merging
 *   frame_alloc.c  single frames: the CPUs' caches
 *   frame_runs.c   runs of frames
 *
 * Lock order: frame_pool.lock, then the caches' locks in the order of the CPUs. A frame moves between a cache and the
 * pool only with frame_pool.lock held throughout, and leaves a cache only with that cache's lock held. So if the holder
 * of all locks finds no free frame anywhere, none was free when it took the last lock.
 */
#ifndef PAGEMETA_FRAME_POOL_H
#define PAGEMETA_FRAME_POOL_H

#include "buddy.h"
#include "frame_alloc.h"
#include "frame_bundle.h"
#include "managed_ranges.h"
#include "spinlock.h"

#define CACHE_FRAMES (3 * BUNDLE_FRAMES)
#define FRESH_ORDER  9 /* order of the block that a cache uses up frame by frame, and of its spare */
#define FRESH_FRAMES (UINT64_C(1) << FRESH_ORDER)
#define FREED_FRAMES BUNDLE_FRAMES

/*
 * One CPU's free frames. The lock is almost never contended: it is there for another CPU that has run out of memory
 * everywhere else.
 *
 * Freed frames gather in `freed` first. Only the cache's own CPU appends to it, and without the lock, so a free costs
 * no atomic operation besides those of the slot. Whoever holds the lock may take frames out of `freed` and leaves
 * FREE_LINK_NONE in their place. Only the owner changes freed_count; it resets the count when it moves the rest to
 * `frames` with the lock held. The append (release) pairs with the load of the count by another CPU (acquire).
 */
struct cpu_cache {
	struct spinlock lock;
	uint32_t count;
	uint64_t fresh_next; /* frames of a block that is being used up */
	uint64_t fresh_end;
	uint64_t spare;             /* a block of FRESH_FRAMES that came back, or FREE_LINK_NONE */
	struct managed_range range; /* the range of the frame that came back last */
	uint64_t frames[CACHE_FRAMES]; /* a stack of frame numbers */
	uint32_t freed_count;
	uint64_t freed[FREED_FRAMES];
} __attribute__((aligned(SLOT_SIZE)));

extern struct cpu_cache frame_caches[PLATFORM_MAX_CPUS];

struct frame_pool {
	struct spinlock lock;
	struct buddy buddy;
	struct bundle_list depot; /* the caches' surplus, not merged into blocks */
	uint64_t parked_first;    /* found in state HOST: a queue, linked by FREE_NEXT */
	uint64_t parked_last;
	uint64_t parked;
	uint64_t managed;
} __attribute__((aligned(SLOT_SIZE)));

extern struct frame_pool frame_pool;

/*
 * All frames that the allocator was ever given. A lookup needs frame_pool.lock or any cache's lock; a change of the
 * table needs all of them. So nothing in it is atomic: whichever lock a reader takes, its acquire pairs with the
 * release of the same lock by the writer, or by a reader in between.
 */
extern struct managed_ranges frame_managed;

/*
 * Aborts if a frame that comes back is foreign. *range is empty or the range of an earlier frame, which usually holds
 * this one, too; the range may have grown since, but never shrinks. A lock that frame_managed requires is held.
 */
static inline void frame_expect_managed(uint64_t frame, struct managed_range *range)
{
	if (__builtin_expect(managed_range_holds(*range, frame), 1))
		return;
	*range = managed_ranges_find(&frame_managed, frame);
	if (!managed_range_holds(*range, frame))
		slot_abort(pfn_to_meta(pfn(frame)), "a foreign frame was freed",
			   slot_load(pfn_to_meta(pfn(frame))));
}

/* The following require frame_pool.lock. */

/* Puts aside a frame that the host holds. */
void frame_pool_park(uint64_t frame);

/* Looks at the `limit` longest parked frames: lists those that the host has released, and parks the rest again. */
void frame_pool_unpark(uint64_t limit);

/* Merges all free frames into the largest possible blocks. Takes the caches' locks. */
void frame_pool_coalesce(void);

/* Takes a cache's spare block. Requires only the cache's lock. FREE_LINK_NONE when there is none. */
static inline uint64_t cache_take_spare(struct cpu_cache *cache)
{
	uint64_t block = cache->spare;

	if (block != FREE_LINK_NONE) {
		slot_word_store(&pfn_to_meta(pfn(block))->vtable_ptr, 0);
		cache->spare = FREE_LINK_NONE;
	}
	return block;
}

#endif
