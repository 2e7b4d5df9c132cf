/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The allocator's inside: what its files share. Callers want frame_alloc.h.
 *
 *   frame_pool.c   what is managed, what is free and behind all caches, merging
 *   frame_alloc.c  single frames: the CPUs' caches
 *   frame_runs.c   runs of frames
 *
 * Lock order: pool.lock, then the CPUs' caches by their numbers. Frames move between caches and pool with pool.lock
 * held throughout, and none leaves a cache without that cache's lock: who holds all of them and finds nothing
 * anywhere knows that nothing was free when the last was taken.
 */
#ifndef PAGEMETA_FRAME_POOL_H
#define PAGEMETA_FRAME_POOL_H

#include "buddy.h"
#include "frame_alloc.h"
#include "frame_bundle.h"
#include "managed_ranges.h"
#include "spinlock.h"

#define CACHE_FRAMES (3 * BUNDLE_FRAMES)
#define FRESH_ORDER  9 /* the order of block that a cache uses up frame by frame, and keeps one of */
#define FRESH_FRAMES (UINT64_C(1) << FRESH_ORDER)
#define FREED_FRAMES BUNDLE_FRAMES

/*
 * One CPU's free frames. The lock is its own and almost never contended: it is there for the CPU that has
 * run out of memory everywhere else.
 *
 * Frames that are freed gather in `freed` first, which only its own CPU appends to, and without the lock: a
 * free then costs no atomic operation beside those of the slot. Whoever holds the lock may take frames out of
 * it and leaves FREE_LINK_NONE in their place; the count is the owner's alone, set back when it moves the rest
 * to `frames` with the lock held. The append (release) pairs with the look of another CPU (acquire).
 */
struct cpu_cache {
	struct spinlock lock;
	uint32_t count;
	uint64_t fresh_next; /* frames of a block that is being used up */
	uint64_t fresh_end;
	uint64_t spare;             /* a block of FRESH_FRAMES that came back, or FREE_LINK_NONE */
	struct managed_range range; /* where the frame was found that came back last */
	uint64_t frames[CACHE_FRAMES]; /* a stack of frame numbers */
	uint32_t freed_count;
	uint64_t freed[FREED_FRAMES];
} __attribute__((aligned(SLOT_SIZE)));

extern struct cpu_cache frame_caches[PLATFORM_MAX_CPUS];

struct frame_pool {
	struct spinlock lock;
	struct buddy buddy;
	struct bundle_list depot; /* what caches had too much of, not merged into blocks */
	uint64_t parked_first;    /* met in state HOST: a queue, linked by FREE_NEXT */
	uint64_t parked_last;
	uint64_t parked;
	uint64_t managed;
} __attribute__((aligned(SLOT_SIZE)));

extern struct frame_pool frame_pool;

/*
 * What the allocator was ever given. Frames are looked up with frame_pool.lock or a cache's lock held, any one of
 * them; the table changes with all of them held. So there is nothing atomic in it: whichever lock a reader takes,
 * its acquire pairs with the release by which the writer, or a reader before it, let go of the same lock.
 */
extern struct managed_ranges frame_managed;

/*
 * Aborts if a frame that comes back is foreign. *range is the range of a frame before it, mostly that of this one,
 * or empty: it may have grown since, but never shrinks. A lock that frame_managed wants is held.
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

/* The following want frame_pool.lock. */

/* Keeps a frame aside that the host holds. */
void frame_pool_park(uint64_t frame);

/*
 * Looks at the `limit` longest parked frames: lists those that the host has let go of, parks the
 * rest anew.
 */
void frame_pool_unpark(uint64_t limit);

/* Merges everything that is free anywhere into blocks that are as large as can be. Takes the caches' locks. */
void frame_pool_coalesce(void);

/* Takes the block that a cache keeps out of it; its lock is held. FREE_LINK_NONE when there is none. */
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
