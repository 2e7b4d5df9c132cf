/* SPDX-License-Identifier: MPL-2.0 */
/* What the allocator manages and what lies behind the CPUs' caches: see frame_pool.h. */
#include "frame_pool.h"

#include <pagevisor/keeper.h>

bool frame_alloc_started;
struct cpu_cache frame_caches[PLATFORM_MAX_CPUS];
struct frame_pool frame_pool;
struct frame_depot frame_depots[FRAME_DEPOTS];
struct managed_ranges frame_managed;
struct keeper_page frame_keeper;

_Static_assert(KEEPER_BLOCK_FRAMES == FRESH_FRAMES, "blocks that are put aside are ABI");

void frame_pool_expect_started(void)
{
	if (!frame_alloc_started)
		platform_abort("the allocator is used before frame_alloc_init", paddr(0), 0);
}

static void lock_caches(void)
{
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++)
		spin_lock(&frame_caches[cpu].lock);
}

static void unlock_caches(void)
{
	for (unsigned cpu = PLATFORM_MAX_CPUS; cpu-- > 0;)
		spin_unlock(&frame_caches[cpu].lock);
}

/* Enters a range into the table and lists its frames. */
static enum frame_add_error manage(pfn_t start, pfn_t end)
{
	spin_lock(&frame_pool.lock);
	lock_caches();
	enum frame_add_error error = managed_ranges_add(&frame_managed, start.index, end.index);

	unlock_caches();
	if (error == FRAME_ADD_OK) {
		buddy_add(&frame_pool.buddy, start, end);
		frame_pool.managed += end.index - start.index;
	}
	spin_unlock(&frame_pool.lock);
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
		frame_caches[cpu] = (struct cpu_cache){0};
	for (unsigned i = 0; i < FRAME_DEPOTS; i++)
		frame_depots[i] =
			(struct frame_depot){.lists = {BUNDLE_LIST_EMPTY, BUNDLE_LIST_EMPTY}};
	frame_keeper =
		(struct keeper_page){.version = KEEPER_VERSION, .size = sizeof(frame_keeper)};
	frame_pool.lock = (struct spinlock){0};
	frame_parked_init();
	frame_pool.managed = 0;
	frame_managed.count = 0;
	buddy_init(&frame_pool.buddy);
	for (unsigned i = 0; i < partition->count; i++) {
		paddr_t start = paddr(partition->regions[i].start);
		paddr_t end = paddr(partition->regions[i].end);

		if (partition->regions[i].kind != REGION_USABLE || start.addr == end.addr)
			continue;
		/* The slots need no check: meta_init left those of usable frames UNUSED. */
		if (check_bounds(start, end) != FRAME_ADD_OK ||
		    manage(paddr_to_pfn(start), paddr_to_pfn(end)) != FRAME_ADD_OK)
			platform_abort("the allocator cannot manage a region", start, end.addr);
	}
	frame_alloc_started = true;
}

/* Whether all the frames are UNUSED or held by the host. */
static bool are_unused(pfn_t start, pfn_t end)
{
	for (uint64_t frame = start.index; frame < end.index; frame++) {
		uint32_t refs = slot_state_refs(slot_load(pfn_to_meta(pfn(frame))));

		if (refs != REF_UNUSED && refs != REF_HOST)
			return false;
	}
	return true;
}

enum frame_add_error frame_alloc_may_add(paddr_t start, paddr_t end)
{
	expect_task("memory added in an interrupt handler");

	enum frame_add_error error = check_bounds(start, end);

	if (error != FRAME_ADD_OK || start.addr == end.addr)
		return error;
	spin_lock(&frame_pool.lock);
	error = managed_ranges_check(&frame_managed, paddr_to_pfn(start).index,
				     paddr_to_pfn(end).index);
	spin_unlock(&frame_pool.lock);
	return error;
}

enum frame_add_error frame_alloc_add(paddr_t start_addr, paddr_t end_addr)
{
	pfn_t start = paddr_to_pfn(start_addr);
	pfn_t end = paddr_to_pfn(end_addr);
	enum frame_add_error error = frame_alloc_may_add(start_addr, end_addr);

	frame_pool_expect_started();
	if (error != FRAME_ADD_OK || start.index == end.index)
		return error;
	/* If another CPU adds some of them meanwhile, manage() refuses. */
	return are_unused(start, end) ? manage(start, end) : FRAME_ADD_IN_USE;
}

/* Below, frame_pool.lock is held. */

/* Clears the tag first: the buddy system writes its own only to the first frame of a block that it has merged. */
void frame_pool_list(uint64_t first, unsigned order)
{
	slot_word_store(&pfn_to_meta(pfn(first))->vtable_ptr, 0);
	buddy_free(&frame_pool.buddy, pfn(first), order);
}

/* Lists the frames that a CPU recently freed. The cache's lock is held, too. */
static void list_freed(struct cpu_cache *cache)
{
	uint32_t count = __atomic_load_n(&cache->freed_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++) {
		if (cache->freed[i] == FREE_LINK_NONE)
			continue;
		frame_expect_managed(cache->freed[i], &cache->range);
		frame_pool_list(cache->freed[i], 0);
		cache->freed[i] = FREE_LINK_NONE;
	}
}

/* Lists the blocks of a CPU's cache. The cache's lock is held, too. */
static void drain_blocks(struct cpu_cache *cache)
{
	while (cache->block_count > 0) {
		cache_set_block_count(cache, cache->block_count - 1);
		frame_pool_list(cache->blocks[cache->block_count], FRESH_ORDER);
	}
}

/* Lists all frames of a CPU's cache. The cache's lock is held, too. */
static void drain(struct cpu_cache *cache)
{
	while (cache->count > 0)
		frame_pool_list(cache->frames[--cache->count], 0);
	list_freed(cache);
	buddy_add(&frame_pool.buddy, pfn(cache->fresh_next), pfn(cache->fresh_end));
	cache->fresh_next = cache->fresh_end = 0;
	drain_blocks(cache);
}

/* Lists what all depots hold of one kind: frames, or blocks. */
static void drain_depots(enum depot_list which, unsigned order)
{
	uint64_t bundle[BUNDLE_FRAMES];

	while (frame_depot_pop(0, which, bundle))
		for (unsigned i = 0; i < BUNDLE_FRAMES; i++)
			frame_pool_list(bundle[i], order);
}

static void drain_all_depots(void)
{
	drain_depots(DEPOT_BLOCKS, FRESH_ORDER);
	drain_depots(DEPOT_FRAMES, 0);
}

void frame_pool_drain_blocks(void)
{
	drain_depots(DEPOT_BLOCKS, FRESH_ORDER);
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++) {
		spin_lock(&frame_caches[cpu].lock);
		drain_blocks(&frame_caches[cpu]);
		spin_unlock(&frame_caches[cpu].lock);
	}
}

/*
 * Locks all caches at once. Otherwise a frame could enter a cache that was just drained while another leaves a cache
 * that is not drained yet, and no frame would seem to be free. Most frames are in the depots: those go first, before
 * others have to wait, and what the caches have added meanwhile goes afterwards.
 */
void frame_pool_coalesce(void)
{
	drain_all_depots();
	lock_caches();
	drain_all_depots();
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++)
		drain(&frame_caches[cpu]);
	unlock_caches();
}

/* Below, the caller holds no lock. */

void frame_alloc_merge(void)
{
	expect_task("frames merged in an interrupt handler");

	frame_pool_expect_started();
	frame_parked_walk_all();
	spin_lock(&frame_pool.lock);
	frame_pool_coalesce();
	spin_unlock(&frame_pool.lock);
}

/* The frames in a CPU's cache, whose lock is held. */
static uint64_t cached_frames(const struct cpu_cache *cache)
{
	uint64_t frames = cache->count + (cache->fresh_end - cache->fresh_next) +
			  cache->block_count * FRESH_FRAMES;
	uint32_t freed = __atomic_load_n(&cache->freed_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < freed; i++)
		frames += cache->freed[i] != FREE_LINK_NONE;
	return frames;
}

void frame_alloc_read_stats(struct frame_alloc_stats *stats)
{
	expect_task("frames counted in an interrupt handler");

	*stats = (struct frame_alloc_stats){0};
	spin_lock(&frame_pool.lock);
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++) {
		spin_lock(&frame_caches[cpu].lock);
		stats->cached += cached_frames(&frame_caches[cpu]);
		spin_unlock(&frame_caches[cpu].lock);
	}
	for (unsigned i = 0; i < FRAME_DEPOTS; i++)
		stats->cached +=
			BUNDLE_FRAMES *
			(bundle_list_count(&frame_depots[i].lists[DEPOT_FRAMES]) +
			 bundle_list_count(&frame_depots[i].lists[DEPOT_BLOCKS]) * FRESH_FRAMES);
	stats->managed = frame_pool.managed;
	stats->parked = frame_parked_count();
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		stats->blocks[order] = frame_pool.buddy.blocks[order];
	spin_unlock(&frame_pool.lock);
}
