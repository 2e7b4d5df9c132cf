/* SPDX-License-Identifier: MPL-2.0 */
/* The frame allocator: CPU caches over the buddy system. See frame_alloc.h. */
#include "frame_alloc.h"

#include "buddy.h"
#include "spinlock.h"

#define CACHE_BATCH_ORDER 6 /* frames move between cache and buddy system 64 at a time */
#define CACHE_BATCH       (1u << CACHE_BATCH_ORDER)
#define CACHE_MAX         (3 * CACHE_BATCH)

/* A stack of free frames, linked by storage word FREE_NEXT. */
struct frame_stack {
	uint64_t first;
	uint64_t count;
};

/*
 * One CPU's free frames. The lock is its own and almost never contended: it is there for the CPU
 * that has run out of memory everywhere else.
 */
struct cpu_cache {
	struct spinlock lock;
	struct frame_stack frames;
} __attribute__((aligned(SLOT_SIZE)));

/* Lock order: a CPU's cache, then pool.lock; never two caches at once. */
static struct cpu_cache caches[PLATFORM_MAX_CPUS];

static struct {
	struct spinlock lock;
	struct buddy buddy;
	struct frame_stack parked; /* met in state HOST */
	uint64_t managed;
} pool __attribute__((aligned(SLOT_SIZE)));

static void stack_push(struct frame_stack *stack, struct meta_slot *slot, uint64_t tag)
{
	slot_word_store(&slot->storage[FREE_NEXT], stack->first);
	slot_word_store(&slot->vtable_ptr, tag);
	stack->first = meta_to_pfn(slot).index;
	stack->count++;
}

static struct meta_slot *stack_pop(struct frame_stack *stack)
{
	if (stack->count == 0)
		return NULL;

	struct meta_slot *slot = pfn_to_meta(pfn(stack->first));

	stack->first = slot_word_load(&slot->storage[FREE_NEXT]);
	stack->count--;
	return slot;
}

void frame_alloc_init(const struct region_list *partition)
{
	const struct frame_stack empty = {.first = FREE_LINK_NONE};

	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++)
		caches[cpu] = (struct cpu_cache){.frames = empty};
	pool.lock = (struct spinlock){0};
	pool.parked = empty;
	pool.managed = 0;
	buddy_init(&pool.buddy);
	for (unsigned i = 0; i < partition->count; i++) {
		const struct region *region = &partition->regions[i];

		if (region->kind == REGION_USABLE)
			frame_alloc_add(paddr(region->start), paddr(region->end));
	}
}

void frame_alloc_add(paddr_t start, paddr_t end)
{
	spin_lock(&pool.lock);
	buddy_add(&pool.buddy, paddr_to_pfn(start), paddr_to_pfn(end));
	pool.managed += (end.addr - start.addr) / PAGE_SIZE;
	spin_unlock(&pool.lock);
}

/* Lists the frames that the host has let go of since they were put aside. Holds pool.lock. */
static void unpark(void)
{
	struct frame_stack waiting = pool.parked;
	struct meta_slot *slot;

	pool.parked = (struct frame_stack){.first = FREE_LINK_NONE};
	while ((slot = stack_pop(&waiting))) {
		if (slot_state_refs(slot_load(slot)) == REF_HOST) {
			stack_push(&pool.parked, slot, FREE_TAG_PARKED);
			continue;
		}
		slot_word_store(&slot->vtable_ptr, 0);
		buddy_free(&pool.buddy, meta_to_pfn(slot), 0);
	}
}

static void park(struct meta_slot *slot)
{
	spin_lock(&pool.lock);
	stack_push(&pool.parked, slot, FREE_TAG_PARKED);
	spin_unlock(&pool.lock);
}

/* Moves up to a batch from the buddy system into a cache. Holds the cache's lock. */
static void refill(struct cpu_cache *cache)
{
	unsigned order;
	pfn_t block;

	spin_lock(&pool.lock);
	if (pool.parked.count)
		unpark();
	bool taken = buddy_take(&pool.buddy, CACHE_BATCH_ORDER, &block, &order);
	spin_unlock(&pool.lock);

	if (!taken)
		return;
	for (uint64_t i = UINT64_C(1) << order; i-- > 0;)
		stack_push(&cache->frames, pfn_to_meta(pfn(block.index + i)), FREE_TAG_CACHED);
}

/* Moves frames from a cache to the buddy system until `keep` are left. Holds the cache's lock. */
static void drain(struct cpu_cache *cache, uint64_t keep)
{
	spin_lock(&pool.lock);
	while (cache->frames.count > keep) {
		struct meta_slot *slot = stack_pop(&cache->frames);

		slot_word_store(&slot->vtable_ptr, 0);
		buddy_free(&pool.buddy, meta_to_pfn(slot), 0);
	}
	spin_unlock(&pool.lock);
}

/* Returns how many frames were free in caches. */
static uint64_t drain_all(void)
{
	uint64_t drained = 0;

	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++) {
		spin_lock(&caches[cpu].lock);
		drained += caches[cpu].frames.count;
		drain(&caches[cpu], 0);
		spin_unlock(&caches[cpu].lock);
	}
	return drained;
}

static struct meta_slot *take_frame(struct cpu_cache *cache)
{
	spin_lock(&cache->lock);
	if (cache->frames.count == 0)
		refill(cache);
	struct meta_slot *slot = stack_pop(&cache->frames);
	spin_unlock(&cache->lock);
	return slot;
}

frame_t frame_alloc_claim(const struct meta_type *type, const void *meta, size_t size,
			  uint32_t refs)
{
	struct cpu_cache *cache = &caches[platform_cpu()];

	for (;;) {
		struct meta_slot *slot = take_frame(cache);

		if (!slot) {
			/* Free frames may be left in other CPUs' caches; they may take them back before us. */
			if (drain_all() == 0)
				return FRAME_NONE;
			continue;
		}

		switch (slot_claim(slot, type, meta, size, refs)) {
		case REF_CLASS_UNUSED:
			return (frame_t){slot};
		case REF_CLASS_HOST:
			park(slot);
			break;
		default:
			slot_abort(slot, "the allocator found a frame that is not unused",
				   slot_load(slot));
		}
	}
}

void frame_alloc_release(struct meta_slot *slot)
{
	struct cpu_cache *cache = &caches[platform_cpu()];

	if (free_tag_is_listed(slot_word_load(&slot->vtable_ptr)))
		slot_abort(slot, "release of a frame that is listed as free", slot_load(slot));
	spin_lock(&cache->lock);
	stack_push(&cache->frames, slot, FREE_TAG_CACHED);
	if (cache->frames.count > CACHE_MAX)
		drain(cache, CACHE_MAX - CACHE_BATCH);
	spin_unlock(&cache->lock);
}

void frame_alloc_read_stats(struct frame_alloc_stats *stats)
{
	*stats = (struct frame_alloc_stats){0};
	for (unsigned cpu = 0; cpu < PLATFORM_MAX_CPUS; cpu++) {
		spin_lock(&caches[cpu].lock);
		stats->cached += caches[cpu].frames.count;
		spin_unlock(&caches[cpu].lock);
	}
	spin_lock(&pool.lock);
	stats->managed = pool.managed;
	stats->parked = pool.parked.count;
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		stats->blocks[order] = pool.buddy.blocks[order];
	spin_unlock(&pool.lock);
}
