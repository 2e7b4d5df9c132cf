/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The frame allocator: CPU caches, a depot of bundles behind them, and the buddy system. See
 * frame_alloc.h.
 */
#include "frame_alloc.h"

#include <string.h>

#include "buddy.h"
#include "frame_bundle.h"
#include "managed_ranges.h"
#include "spinlock.h"

#define CACHE_FRAMES   (3 * BUNDLE_FRAMES)
#define FRESH_ORDER    9 /* the order of block that a cache uses up frame by frame */
#define FREED_FRAMES   BUNDLE_FRAMES
#define GIVE_PROBES    4 /* frames of a block that are looked at when it is given back */
#define PREFETCH_AHEAD 12 /* frames; about as many misses as a core has under way at once */

/*
 * For what the order-0 path calls now and then: inlined into it, they make it save registers each time.
 */
#define NOT_INLINED __attribute__((noinline))

/*
 * Parked frames that are looked at when a cache is refilled: a bound, for the host may hold many.
 */
#define UNPARK_BATCH 16

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
	struct managed_range range;    /* where the frame was found that came back last */
	uint64_t frames[CACHE_FRAMES]; /* a stack of frame numbers */
	uint32_t freed_count;
	uint64_t freed[FREED_FRAMES];
} __attribute__((aligned(SLOT_SIZE)));

bool frame_alloc_started;

/*
 * Lock order: pool.lock, then one CPU's cache. Frames move between caches and pool with pool.lock held
 * throughout: who holds it and finds nothing anywhere knows that nothing is free.
 */
static struct cpu_cache caches[PLATFORM_MAX_CPUS];

static struct {
	struct spinlock lock;
	struct buddy buddy;
	struct bundle_list depot; /* what caches had too much of, not merged into blocks */
	uint64_t parked_first;    /* met in state HOST: a queue, linked by FREE_NEXT */
	uint64_t parked_last;
	uint64_t parked;
	uint64_t managed;
} pool __attribute__((aligned(SLOT_SIZE)));

/*
 * What the allocator was ever given. Frames are looked up with pool.lock or a cache's lock held, any one of them;
 * the table changes with all of them held. So there is nothing atomic in it: whichever lock a reader takes, its
 * acquire pairs with the release by which the writer, or a reader before it, let go of the same lock.
 */
static struct managed_ranges managed;

static void lock_caches(void)
{
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++)
		spin_lock(&caches[cpu].lock);
}

static void unlock_caches(void)
{
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++)
		spin_unlock(&caches[cpu].lock);
}

/* Enters a range into the table and lists its frames. */
static enum frame_add_error manage(pfn_t start, pfn_t end)
{
	spin_lock(&pool.lock);
	lock_caches();
	enum frame_add_error error = managed_ranges_add(&managed, start.index, end.index);

	unlock_caches();
	if (error == FRAME_ADD_OK) {
		buddy_add(&pool.buddy, start, end);
		pool.managed += end.index - start.index;
	}
	spin_unlock(&pool.lock);
	return error;
}

static enum frame_add_error check_bounds(paddr_t start, paddr_t end)
{
	if (!is_aligned(start.addr, PAGE_SIZE) || !is_aligned(end.addr, PAGE_SIZE))
		return FRAME_ADD_NOT_ALIGNED;
	return start.addr <= end.addr && end.addr <= meta_max_paddr ? FRAME_ADD_OK
								    : FRAME_ADD_OUT_OF_BOUND;
}

void frame_alloc_init(const struct region_list *partition)
{
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++)
		caches[cpu] = (struct cpu_cache){0};
	pool.lock = (struct spinlock){0};
	pool.depot = BUNDLE_LIST_EMPTY;
	pool.parked = 0;
	pool.managed = 0;
	managed.count = 0;
	buddy_init(&pool.buddy);
	for (unsigned i = 0; i < partition->count; i++) {
		paddr_t start = paddr(partition->regions[i].start);
		paddr_t end = paddr(partition->regions[i].end);

		if (partition->regions[i].kind != REGION_USABLE || start.addr == end.addr)
			continue;
		/* The slots need no look: meta_init left those of usable frames UNUSED. */
		if (check_bounds(start, end) != FRAME_ADD_OK ||
		    manage(paddr_to_pfn(start), paddr_to_pfn(end)) != FRAME_ADD_OK)
			platform_abort("the allocator cannot manage a region", start, end.addr);
	}
	frame_alloc_started = true;
}

/* Whether nobody but the host has one of the frames. */
static bool are_unused(pfn_t start, pfn_t end)
{
	for (uint64_t frame = start.index; frame < end.index; frame++) {
		uint32_t refs = slot_state_refs(slot_load(pfn_to_meta(pfn(frame))));

		if (refs != REF_UNUSED && refs != REF_HOST)
			return false;
	}
	return true;
}

enum frame_add_error frame_alloc_add(paddr_t start_addr, paddr_t end_addr)
{
	pfn_t start = paddr_to_pfn(start_addr);
	pfn_t end = paddr_to_pfn(end_addr);
	enum frame_add_error error = check_bounds(start_addr, end_addr);

	if (error != FRAME_ADD_OK || start.index == end.index)
		return error;
	spin_lock(&pool.lock);
	error = managed_ranges_check(&managed, start.index, end.index);
	spin_unlock(&pool.lock);
	if (error != FRAME_ADD_OK)
		return error;
	/* Should another CPU add some of them meanwhile, manage refuses. */
	return are_unused(start, end) ? manage(start, end) : FRAME_ADD_IN_USE;
}

/*
 * Aborts if a frame that comes back is foreign. *range is the range of a frame before it, mostly that of this one,
 * or empty: it may have grown since, but never shrinks. A lock that `managed` wants is held.
 */
static inline void expect_managed(uint64_t frame, struct managed_range *range)
{
	if (__builtin_expect(managed_range_holds(*range, frame), 1))
		return;
	*range = managed_ranges_find(&managed, frame);
	if (!managed_range_holds(*range, frame))
		slot_abort(pfn_to_meta(pfn(frame)), "a foreign frame was freed",
			   slot_load(pfn_to_meta(pfn(frame))));
}

/* Below, up to the next heading, pool.lock is held. */

static void list_frame(uint64_t frame)
{
	slot_word_store(&pfn_to_meta(pfn(frame))->vtable_ptr, 0);
	buddy_free(&pool.buddy, pfn(frame), 0);
}

static void park_frame(uint64_t frame)
{
	struct meta_slot *slot = pfn_to_meta(pfn(frame));

	slot_word_store(&slot->vtable_ptr, FREE_TAG_PARKED);
	if (pool.parked == 0)
		pool.parked_first = frame;
	else
		slot_word_store(&pfn_to_meta(pfn(pool.parked_last))->storage[FREE_NEXT], frame);
	pool.parked_last = frame;
	pool.parked++;
}

/*
 * Looks at the `limit` longest parked frames: lists those that the host has let go of, parks the
 * rest anew.
 */
static void unpark(uint64_t limit)
{
	for (uint64_t left = limit < pool.parked ? limit : pool.parked; left > 0; left--) {
		uint64_t frame = pool.parked_first;
		struct meta_slot *slot = pfn_to_meta(pfn(frame));

		pool.parked_first = slot_word_load(&slot->storage[FREE_NEXT]);
		pool.parked--;
		if (slot_state_refs(slot_load(slot)) == REF_HOST)
			park_frame(frame);
		else
			list_frame(frame);
	}
}

/* Lists what a CPU has freed lately; the cache's lock is held, too. */
static void list_freed(struct cpu_cache *cache)
{
	uint32_t count = __atomic_load_n(&cache->freed_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++) {
		if (cache->freed[i] == FREE_LINK_NONE)
			continue;
		expect_managed(cache->freed[i], &cache->range);
		list_frame(cache->freed[i]);
		cache->freed[i] = FREE_LINK_NONE;
	}
}

/* Merges everything that is free anywhere into blocks that are as large as can be. */
static void coalesce(void)
{
	uint64_t frames[BUNDLE_FRAMES];

	while (bundle_list_pop(&pool.depot, frames))
		for (unsigned i = 0; i < BUNDLE_FRAMES; i++)
			list_frame(frames[i]);
	unpark(UINT64_MAX);
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++) {
		struct cpu_cache *cache = &caches[cpu];

		spin_lock(&cache->lock);
		while (cache->count > 0)
			list_frame(cache->frames[--cache->count]);
		list_freed(cache);
		buddy_add(&pool.buddy, pfn(cache->fresh_next), pfn(cache->fresh_end));
		cache->fresh_next = cache->fresh_end = 0;
		spin_unlock(&cache->lock);
	}
}

/* Gets a slot under way that is about to be claimed, for writing: another CPU may have had it. */
static inline void prefetch_slot(uint64_t frame)
{
	__builtin_prefetch(pfn_to_meta(pfn(frame)), 1);
}

/* Fills a cache that is empty, from the depot or with a block. False when nothing is free. */
static bool fill(struct cpu_cache *cache)
{
	unsigned order;
	pfn_t block;

	if (bundle_list_pop(&pool.depot, cache->frames)) {
		cache->count = BUNDLE_FRAMES;
		for (unsigned i = BUNDLE_FRAMES - PREFETCH_AHEAD; i < BUNDLE_FRAMES; i++)
			prefetch_slot(cache->frames[i]);
		return true;
	}
	if (!buddy_take(&pool.buddy, FRESH_ORDER, &block, &order))
		return false;
	cache->fresh_next = block.index;
	cache->fresh_end = block.index + (UINT64_C(1) << order);
	return true;
}

/* One CPU's cache. */

/*
 * Moves what this CPU has freed lately to its stack. Called by the owner with the lock held, when the stack has
 * room. False when there was nothing left.
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
			expect_managed(frame, &cache->range);
		}
		cache->frames[count++] = frame;
	}
	cache->count = count;
	__atomic_store_n(&cache->freed_count, 0, __ATOMIC_RELAXED);
	return count > before;
}

/* Whether `freed` is full and nobody took a frame out of it. Aborts if one of its frames is foreign. */
static bool is_whole(struct cpu_cache *cache)
{
	for (uint32_t i = 0; i < FREED_FRAMES; i++) {
		if (i >= cache->freed_count || cache->freed[i] == FREE_LINK_NONE)
			return false;
		expect_managed(cache->freed[i], &cache->range);
	}
	return true;
}

/* A frame from what the cache has; its lock is held. FREE_LINK_NONE when it has none. */
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

/* The way to the pool, when the cache had nothing. */
static NOT_INLINED uint64_t refill_and_pop(struct cpu_cache *cache)
{
	spin_lock(&pool.lock);
	unpark(UNPARK_BATCH);
	spin_lock(&cache->lock);
	if (cache->count == 0 && cache->fresh_next == cache->fresh_end && !fill(cache)) {
		spin_unlock(&cache->lock);
		coalesce();
		spin_lock(&cache->lock);
		fill(cache);
	}
	uint64_t frame = cache_pop(cache);

	spin_unlock(&cache->lock);
	spin_unlock(&pool.lock);
	return frame;
}

static inline uint64_t take_frame(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	uint64_t frame = cache_pop(cache);

	spin_unlock(&cache->lock);
	return __builtin_expect(frame != FREE_LINK_NONE, 1) ? frame : refill_and_pop(cache);
}

/*
 * The stack and `freed` are full: what was freed goes to the depot as it is, a bundle in the order of its frees.
 * Should another CPU have taken frames out of it, the top of the stack goes instead. The lock is not held.
 */
static void spill(struct cpu_cache *cache)
{
	spin_lock(&pool.lock);
	spin_lock(&cache->lock);
	if (is_whole(cache)) {
		bundle_list_push(&pool.depot, cache->freed);
		__atomic_store_n(&cache->freed_count, 0, __ATOMIC_RELAXED);
	} else {
		if (cache->count > CACHE_FRAMES - FREED_FRAMES) {
			cache->count -= BUNDLE_FRAMES;
			bundle_list_push(&pool.depot, cache->frames + cache->count);
		}
		collect_freed(cache);
	}
	spin_unlock(&cache->lock);
	spin_unlock(&pool.lock);
}

/* `freed` is full. Called by its CPU, without the lock. */
static NOT_INLINED void empty_freed(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	bool has_room = cache->count <= CACHE_FRAMES - FREED_FRAMES;

	if (has_room)
		collect_freed(cache);
	spin_unlock(&cache->lock);
	if (!has_room)
		spill(cache);
}

struct meta_slot *frame_alloc_next(void)
{
	uint64_t frame = take_frame(&caches[platform_cpu()]);

	return frame == FREE_LINK_NONE ? NULL : pfn_to_meta(pfn(frame));
}

void frame_alloc_next_failed(struct meta_slot *slot, enum ref_class found)
{
	if (found != REF_CLASS_HOST)
		slot_abort(slot, "the allocator found a frame that is not unused", slot_load(slot));
	frame_alloc_put_aside(meta_to_pfn(slot));
}

void frame_alloc_zero(pfn_t first, uint64_t count)
{
	memset(platform_phys_to_virt(pfn_to_paddr(first)), 0, count * PAGE_SIZE);
}

/*
 * As frame_alloc_claim. The zeroes lie between A of the claim (slot.h), after which the last owner is through
 * with the bytes, and C of the publish, which shows them to whoever sees the frame in use.
 */
frame_t frame_alloc_claim_zeroed(const struct meta_type *type, const void *meta, size_t size,
				 uint32_t refs)
{
	struct meta_slot *slot;

	while ((slot = frame_alloc_next())) {
		enum ref_class found = slot_claim_begin(slot);

		if (found != REF_CLASS_UNUSED) {
			frame_alloc_next_failed(slot, found);
			continue;
		}
		slot_write_meta(slot, type, meta, size);
		frame_alloc_zero(meta_to_pfn(slot), 1);
		slot_publish(slot, refs);
		return (frame_t){slot};
	}
	return FRAME_NONE;
}

void frame_alloc_release(struct meta_slot *slot)
{
	struct cpu_cache *cache = &caches[platform_cpu()];

	uint32_t at = cache->freed_count;

	cache->freed[at] = meta_to_pfn(slot).index;
	__atomic_store_n(&cache->freed_count, at + 1, __ATOMIC_RELEASE);
	if (__builtin_expect(at + 1 == FREED_FRAMES, 0))
		empty_freed(cache);
}

/* The smallest order whose blocks hold `count` frames at a multiple of `align`. */
static unsigned order_for(uint64_t count, uint64_t align)
{
	unsigned order = 0;

	while (UINT64_C(1) << order < count || UINT64_C(1) << order < align)
		order++;
	return order;
}

/* A run from one block or, past the largest order, from neighbours. pool.lock is held. */
static bool take_run(uint64_t count, uint64_t align, pfn_t *first)
{
	unsigned order = order_for(count, align);
	unsigned taken;
	uint64_t size;

	if (order > FRAME_ORDER_MAX) {
		size = align_up(count, UINT64_C(1) << FRAME_ORDER_MAX);
		if (!buddy_take_neighbours(&pool.buddy, size >> FRAME_ORDER_MAX, first))
			return false;
	} else {
		if (!buddy_has(&pool.buddy, order))
			return false;
		buddy_take(&pool.buddy, order, first, &taken);
		size = UINT64_C(1) << order;
	}
	buddy_add(&pool.buddy, pfn(first->index + count), pfn(first->index + size));
	return true;
}

bool frame_alloc_take(uint64_t count, uint64_t align, pfn_t *first)
{
	if (count == 0 || count > meta_max_paddr / PAGE_SIZE ||
	    align > UINT64_C(1) << FRAME_ORDER_MAX)
		return false;
	spin_lock(&pool.lock);
	bool taken = take_run(count, align, first);

	if (!taken) {
		coalesce();
		taken = take_run(count, align, first);
	}
	spin_unlock(&pool.lock);
	return taken;
}

/* Aborts if the slot of a frame that is given back says that it is in use, or listed. pool.lock is held. */
static inline void expect_given(pfn_t frame)
{
	const struct meta_slot *slot = pfn_to_meta(frame);
	uint32_t refs = slot_state_refs(slot_load(slot));

	if (refs != REF_UNUSED && refs != REF_HOST)
		slot_abort(slot, "a frame given back that is in use", slot_load(slot));
	if (free_tag_is_listed(slot_word_load(&slot->vtable_ptr)))
		slot_abort(slot, "a frame given back that is listed as free", slot_load(slot));
}

/* Aborts if one of the frames is foreign, and names the first. pool.lock is held. */
static void expect_managed_run(pfn_t first, uint64_t count)
{
	struct managed_range range = managed_ranges_find(&managed, first.index);

	if (managed_range_holds(range, first.index)) {
		if (count <= range.end - first.index)
			return;
		first = pfn(range.end);
	}

	/* It may have no slot. */
	bool has_slot = first.index < meta_max_paddr / PAGE_SIZE;

	platform_abort("a foreign frame was given back", pfn_to_paddr(first),
		       has_slot ? slot_load(pfn_to_meta(first)) : 0);
}

/*
 * Aborts if one of the frames that are looked at is in use or listed: of each block that the run makes GIVE_PROBES at
 * equal distances, and the run's last. Whether the block lies in a listed one buddy_lists knows; one that
 * begins further inside shows only if its first frame is looked at. More of them would be felt in order 9.
 */
static void expect_given_run(pfn_t first, pfn_t end)
{
	for (pfn_t block = first; block.index < end.index;) {
		uint64_t size = UINT64_C(1) << buddy_order_at(block, end);
		uint64_t step = size > GIVE_PROBES ? size / GIVE_PROBES : 1;

		if (buddy_lists(block))
			slot_abort(pfn_to_meta(block), "a frame given back that is listed as free",
				   slot_load(pfn_to_meta(block)));
		for (uint64_t i = 0; i < size; i += step)
			expect_given(pfn(block.index + i));
		block.index += size;
	}
	expect_given(pfn(end.index - 1));
}

void frame_alloc_give(pfn_t first, uint64_t count)
{
	pfn_t end = pfn(first.index + count);

	if (count == 0)
		return;
	spin_lock(&pool.lock);
	expect_managed_run(first, count);
	expect_given_run(first, end);
	buddy_add(&pool.buddy, first, end);
	spin_unlock(&pool.lock);
}

void frame_alloc_put_aside(pfn_t frame)
{
	const struct meta_slot *slot = pfn_to_meta(frame);
	uint64_t tag = slot_word_load(&slot->vtable_ptr);
	struct managed_range range = {0, 0};

	spin_lock(&pool.lock);
	expect_managed(frame.index, &range);
	/* One that came out of a cache has the cache's tag until it is claimed. */
	if (free_tag_is_listed(tag) && tag != FREE_TAG_CACHED)
		slot_abort(slot, "a frame put aside that is listed as free", slot_load(slot));
	park_frame(frame.index);
	spin_unlock(&pool.lock);
}

void frame_alloc_merge(void)
{
	spin_lock(&pool.lock);
	coalesce();
	spin_unlock(&pool.lock);
}

void frame_alloc_read_stats(struct frame_alloc_stats *stats)
{
	*stats = (struct frame_alloc_stats){0};
	spin_lock(&pool.lock);
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++) {
		struct cpu_cache *cache = &caches[cpu];

		spin_lock(&cache->lock);
		stats->cached += cache->count + (cache->fresh_end - cache->fresh_next);
		for (uint32_t i = 0; i < __atomic_load_n(&cache->freed_count, __ATOMIC_ACQUIRE);
		     i++)
			stats->cached += cache->freed[i] != FREE_LINK_NONE;
		spin_unlock(&cache->lock);
	}
	stats->cached += pool.depot.count * BUNDLE_FRAMES;
	stats->managed = pool.managed;
	stats->parked = pool.parked;
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		stats->blocks[order] = pool.buddy.blocks[order];
	spin_unlock(&pool.lock);
}
