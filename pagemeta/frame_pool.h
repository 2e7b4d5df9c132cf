/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The allocator's internals, shared by its files. Callers use frame_alloc.h.
 *
 *   frame_pool.c    managed ranges, the buddy system behind it all, merging
 *   frame_parked.c  what the host holds, put aside
 *   frame_cache.c   single frames: the CPUs' caches
 *   frame_blocks.c  blocks of FRESH_FRAMES: the caches' stacks of them
 *   frame_runs.c    runs of frames
 *   frame_depot.h   between the caches and the buddy system: bundles of frames and of blocks
 *
 * A free frame, or the block that it lies in, is in one place: a cache, a depot, the buddy system, or put aside.
 *
 * Lock order: frame_pool.lock, then the caches' locks in the order of the CPUs, then one depot's lock. A frame moves
 * from one of these places to another only with the locks of both held throughout, a cache's or frame_pool.lock for a
 * depot; it leaves a cache only with that cache's lock held. So if the holder of frame_pool.lock and of all caches'
 * locks finds no free frame anywhere, none was free when it took the last lock.
 */
#ifndef PAGEMETA_FRAME_POOL_H
#define PAGEMETA_FRAME_POOL_H

#include "buddy.h"
#include "frame_alloc.h"
#include "frame_depot.h"
#include "managed_ranges.h"
#include "spinlock.h"

#define CACHE_FRAMES (3 * BUNDLE_FRAMES)
#define CACHE_BLOCKS (2 * BUNDLE_FRAMES)
#define FRESH_ORDER  9 /* of the blocks that caches keep, hand out, and use up frame by frame */
#define FRESH_FRAMES (UINT64_C(1) << FRESH_ORDER)
#define FREED_FRAMES BUNDLE_FRAMES

/*
 * One CPU's free frames and blocks. The lock is almost never contended: it is there for another CPU that has run out
 * of memory everywhere else.
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
	struct managed_range range;    /* the range of the frame that came back last */
	uint32_t block_count;          /* others look at it without the lock */
	uint64_t frames[CACHE_FRAMES]; /* a stack of frame numbers */
	uint64_t blocks[CACHE_BLOCKS]; /* a stack of blocks of FRESH_FRAMES, tagged FREE_TAG_KEPT */
	uint32_t freed_count;
	uint64_t freed[FREED_FRAMES];
} __attribute__((aligned(SLOT_SIZE)));

extern struct cpu_cache frame_caches[PLATFORM_MAX_CPUS];

/* What was found in state HOST: single frames, and blocks of FRESH_FRAMES whose frames were all HOST at one moment. */
enum parked_kind {
	PARKED_FRAMES,
	PARKED_BLOCKS,
	PARKED_LISTS,
};

struct parked_list {
	uint64_t first; /* the newest */
	uint64_t count;
	uint64_t next; /* that a walk looks at; FREE_LINK_NONE: none, or no walk */
};

struct frame_pool {
	struct spinlock lock;
	struct buddy buddy;
	struct parked_list parked[PARKED_LISTS];
	uint32_t seen;  /* see frame_parked.c; others look at it without the lock */
	uint32_t walks; /* that have ended; as `seen` */
	uint32_t walk_released;
	uint32_t hint_seen; /* hints of the keeper that were looked at */
	bool is_walking;
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

static inline bool frame_is_host(uint64_t frame)
{
	return slot_state_refs(slot_load(pfn_to_meta(pfn(frame)))) == REF_HOST;
}

/*
 * Aborts if frame_alloc_init has not run. Called where a request leaves the CPU's cache: before frame_alloc_init the
 * caches and depots are all zeroes, which means empty.
 */
void frame_pool_expect_started(void);

/* The following require frame_pool.lock. */

/* Lists a block of 2^order frames, or with order 0 a frame, in the buddy system. */
void frame_pool_list(uint64_t first, unsigned order);

/*
 * Puts aside a frame, or a block that frame_block_is_host found to be the host's when its first frame was in a state; lists
 * it if it is that no longer.
 */
void frame_pool_put_aside(uint64_t frame);
void frame_pool_put_aside_block(uint64_t block, uint64_t state);

/*
 * If the host has released frames since all that is parked was looked at, looks at up to `limit` entries and lists
 * those that are not the host's any more.
 */
void frame_pool_unpark(uint64_t limit);

/* Counts frames that were claimed for a run that the host spoiled. */
void frame_parked_count_warmed(uint64_t frames);

/* How many frames are parked. */
uint64_t frame_parked_count(void);

/* Merges all free frames into the largest possible blocks. Takes the caches' locks. */
void frame_pool_coalesce(void);

/* Returns the blocks in the depots and in all caches to the buddy system. Takes the caches' locks, one by one. */
void frame_pool_drain_blocks(void);

/*
 * Around a handful: frames of the host in the caller's hand that are more than it needs, to be put aside. Begins with the
 * lock held under which they are taken, for whoever looks for them there later must see it, and before the caller looks
 * whose they are; ends without it, or with it if they are not the host's.
 */
void frame_handful_begin(void);
void frame_handful_end(void);

/* The following require no lock. */

void frame_parked_init(void);

/* Whether the host has released frames since all that is parked was looked at. */
bool frame_parked_is_stale(void);

/*
 * Lists whatever of the parked the host has released by now. Returns `released` of the keeper's page as it was then.
 * With nothing released since the last time, it looks at nothing.
 */
uint32_t frame_parked_walk_all(void);

/*
 * Whether the host holds, at one moment, all frames of an aligned block of FRESH_FRAMES. It is in the caller's hand. *first
 * is the state of its first frame then.
 */
bool frame_block_is_host(uint64_t block, uint64_t *first);

/* Puts aside frames in the caller's hand that the host holds, or held a moment ago: frame_runs.c. */
void frame_put_aside_run(uint64_t frame, uint64_t end);

/* Likewise a block that frame_block_is_host found to be the host's, with that state of its first frame. */
void frame_put_aside_block(uint64_t block, uint64_t state);

/* A CPU's blocks: frame_blocks.c. Single blocks are given as their first frames; FREE_LINK_NONE: there was none. */

static inline void cache_set_block_count(struct cpu_cache *cache, uint32_t count)
{
	__atomic_store_n(&cache->block_count, count, __ATOMIC_RELAXED);
}

static inline unsigned cache_cpu(const struct cpu_cache *cache)
{
	return (unsigned)(cache - frame_caches);
}

/* Requires the cache's lock. Takes a block out of the cache. Refills the empty stack from the depots first. */
uint64_t cache_pop_block(struct cpu_cache *cache);

/* As cache_pop_block; takes the lock. */
uint64_t cache_take_block(struct cpu_cache *cache);

/* Requires the cache's lock. Tags a block and keeps it; a full stack moves a bundle to the depot. */
void cache_push_block(struct cpu_cache *cache, uint64_t block);

/* Requires frame_pool.lock and the cache's. Fills the empty stack of blocks from the buddy system. */
bool cache_refill_blocks(struct cpu_cache *cache);

/*
 * Moves half of another CPU's blocks to the empty stack of this one. Takes both caches' locks. False when no CPU has
 * any, or when this one has some.
 */
bool cache_steal_blocks(struct cpu_cache *cache);

/* Requires no lock. Takes a block from the caller's CPU, the depots, the buddy system or another CPU. */
uint64_t frame_blocks_take(void);

#endif
