/* SPDX-License-Identifier: MPL-2.0 */
/* The allocator's free lists: see pagevisor/allocator.h for their layout. */
#include <inttypes.h>
#include <string.h>

#include <pagevisor/allocator.h>

#include "kind/pagevisor/check/context.h"

/* The limits of a descriptor: anything beyond is garbage. */
#define CACHES_MAX     1024
#define CACHE_SIZE_MAX 65536
#define POOL_SIZE_MAX  4096
#define DEPOTS_MAX     1024
#define DEPOT_SIZE_MAX 4096
#define ORDERS_MAX     32

/* A depot with more findings is garbage: each bundle can give one for each of its frames. */
#define DEPOT_FINDINGS_MAX 65536

/* What the bundles of a list hold. */
enum depot_content { DEPOT_HAS_FRAMES, DEPOT_HAS_BLOCKS };

struct walk {
	struct check *check;
	const struct allocator_descriptor *at;
	uint8_t cache[CACHE_SIZE_MAX];
	uint8_t pool[POOL_SIZE_MAX];
	uint8_t depot[DEPOT_SIZE_MAX];
	unsigned cpu;            /* whose cache is in `cache` */
	struct check_text where; /* what is being walked */
};

static uint64_t word64(const uint8_t *bytes, uint64_t offset)
{
	uint64_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static uint32_t word32(const uint8_t *bytes, uint64_t offset)
{
	uint32_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static void bad(struct check *check, const char *expected, const char *found)
{
	check_finding(check, RULE_ALLOCATOR, FRAME_NUMBER_NONE, expected, found);
}

static bool fits(uint32_t offset, uint64_t count, uint64_t size, uint64_t total)
{
	return offset + count * size <= total;
}

static bool cache_fits(const struct allocator_descriptor *at)
{
	const uint64_t size = at->cache_size;

	return at->cache_count <= CACHES_MAX && size <= CACHE_SIZE_MAX &&
	       fits(at->cache_lock, 1, 4, size) && fits(at->cache_stack_count, 1, 4, size) &&
	       fits(at->cache_stack, at->cache_stack_max, 8, size) &&
	       fits(at->cache_freed_count, 1, 4, size) &&
	       fits(at->cache_freed, at->cache_freed_max, 8, size) &&
	       fits(at->cache_block_count, 1, 4, size) &&
	       fits(at->cache_blocks, at->cache_blocks_max, 8, size) &&
	       fits(at->cache_fresh_next, 1, 8, size) && fits(at->cache_fresh_end, 1, 8, size);
}

static bool pool_fits(const struct allocator_descriptor *at)
{
	const uint64_t size = at->pool_size;

	return size <= POOL_SIZE_MAX && at->block_orders <= ORDERS_MAX &&
	       fits(at->pool_lock, 1, 4, size) &&
	       fits(at->block_first, at->block_orders, 8, size) &&
	       fits(at->block_count, at->block_orders, 8, size) &&
	       fits(at->parked_first, 1, 8, size) && fits(at->parked_count, 1, 8, size) &&
	       fits(at->parked_block_first, 1, 8, size) &&
	       fits(at->parked_block_count, 1, 8, size) && fits(at->managed_frames, 1, 8, size);
}

static bool depot_fits(const struct allocator_descriptor *at)
{
	const uint64_t size = at->depot_size;

	return at->depot_count <= DEPOTS_MAX && size <= DEPOT_SIZE_MAX &&
	       fits(at->depot_lock, 1, 4, size) && fits(at->depot_frames_first, 1, 8, size) &&
	       fits(at->depot_frames_count, 1, 8, size) &&
	       fits(at->depot_blocks_first, 1, 8, size) && fits(at->depot_blocks_count, 1, 8, size);
}

/* Whether a descriptor can be followed. */
static bool is_sound(struct check *check, const struct allocator_descriptor *at)
{
	if (at->version != ALLOCATOR_VERSION || at->size != sizeof(*at))
		bad(check, TEXT("version %d, %zu bytes", ALLOCATOR_VERSION, sizeof(*at)),
		    TEXT("version %u, %u bytes", at->version, at->size));
	else if (!cache_fits(at))
		bad(check, "valid caches", "fields outside of a cache, or too many");
	else if (!pool_fits(at))
		bad(check, "a valid pool", "fields outside of it, or too many");
	else if (!depot_fits(at))
		bad(check, "valid depots", "fields outside of a depot, or too many");
	else if (!fits(at->range_count, 1, 4, at->ranges_size) ||
		 !fits(at->range_first, at->range_max, sizeof(struct allocator_range),
		       at->ranges_size))
		bad(check, "a valid table of ranges", "fields outside of it");
	else if (at->kept_frames == 0 || (at->kept_frames & (at->kept_frames - 1)))
		bad(check, "kept blocks of a power of two", TEXT("%u frames", at->kept_frames));
	else if (at->bundle_nodes >= SLOT_STORAGE_WORDS || at->bundle_leaves > SLOT_STORAGE_WORDS)
		bad(check, "bundles that fit their slots",
		    TEXT("%u nodes of %u leaves", at->bundle_nodes, at->bundle_leaves));
	else
		return true;
	return false;
}

static bool read_va(struct check *check, uint64_t va, void *buffer, size_t size, const char *what)
{
	if (size > 0 && check_read(check, va - check->view->va_offset, buffer, size))
		return true;
	bad(check, TEXT("%s in RAM", what), TEXT("%zu bytes at %#" PRIx64, size, va));
	return false;
}

/* Enters a frame into the list that is being walked. Returns false if the walk cannot go on through it. */
static bool enter(struct walk *walk, uint64_t frame, enum free_place place)
{
	struct check *check = walk->check;

	if (frame >= check->view->slot_count) {
		check_finding(check, RULE_FREE_LINK, FRAME_NUMBER_NONE,
			      TEXT("a frame below %#" PRIx64, check->view->slot_count),
			      TEXT("%#" PRIx64 " in %s", frame, walk->where.text));
		return false;
	}
	if (check->marks[frame] & MARK_PLACE) {
		check_finding(check, RULE_LISTED_TWICE, frame, "one free list",
			      TEXT("once more in %s", walk->where.text));
		return false;
	}
	check->marks[frame] |= (uint8_t)place;
	check->summary->free_frames++;
	return true;
}

static void expect_tag(struct walk *walk, uint64_t frame, uint64_t found, uint64_t expected)
{
	if (found != expected)
		check_finding(walk->check, RULE_FREE_TAG, frame,
			      TEXT("%#" PRIx64 " in %s", expected, walk->where.text),
			      TEXT("%#" PRIx64, found));
}

/*
 * Enters the frames of a block after its first, which has been entered. Reports the first one that is already listed.
 */
static void enter_block(struct walk *walk, uint64_t first, uint64_t size)
{
	for (uint64_t frame = first + 1; frame < first + size; frame++)
		if (!enter(walk, frame, PLACE_INSIDE))
			return;
}

/* Whether a block fits there and is aligned to its size. enter() reports a frame outside of the array. */
static bool check_place(struct walk *walk, uint64_t frame, uint64_t size)
{
	uint64_t slots = walk->check->view->slot_count;

	if (frame >= slots || (is_aligned(frame, size) && size <= slots - frame))
		return frame < slots;
	check_finding(walk->check, RULE_FREE_LINK, frame,
		      TEXT("an aligned block of %#" PRIx64 " frames", size), "one out of place");
	return false;
}

/* A doubly linked list of blocks that begins with `frame`. */
struct block_list {
	uint64_t frame;
	uint64_t count;
	uint64_t size; /* frames of each block */
	uint64_t tag;
	enum free_place place; /* of the first frame of each block */
};

static void walk_list(struct walk *walk, const struct block_list *list)
{
	struct check *check = walk->check;
	uint64_t frame = list->frame;
	uint64_t previous = ALLOCATOR_NO_FRAME;
	uint64_t count = 0;
	struct meta_slot slot;

	for (; frame != ALLOCATOR_NO_FRAME; count++) {
		bool in_place = check_place(walk, frame, list->size);

		if (!enter(walk, frame, list->place) || !check_read_slot(check, frame, &slot))
			return;
		if (list->place == PLACE_BLOCK)
			expect_tag(walk, frame, slot.vtable_ptr, list->tag);
		if (slot.storage[ALLOCATOR_PREVIOUS] != previous)
			check_finding(check, RULE_FREE_LINK, frame,
				      TEXT("previous block %#" PRIx64, previous),
				      TEXT("%#" PRIx64, slot.storage[ALLOCATOR_PREVIOUS]));
		if (in_place)
			enter_block(walk, frame, list->size);
		previous = frame;
		frame = slot.storage[ALLOCATOR_NEXT];
	}
	if (count != list->count)
		check_finding(check, RULE_FREE_COUNT, FRAME_NUMBER_NONE,
			      TEXT("%" PRIu64 " in %s", list->count, walk->where.text),
			      TEXT("%" PRIu64, count));
}

static void walk_blocks(struct walk *walk, unsigned order)
{
	const struct allocator_descriptor *at = walk->at;

	walk->where = check_text("the blocks of order %u", order);
	walk_list(walk, &(struct block_list){
				.frame = word64(walk->pool, at->block_first + 8 * order),
				.count = word64(walk->pool, at->block_count + 8 * order),
				.size = UINT64_C(1) << order,
				.tag = at->tag_block + order,
				.place = PLACE_BLOCK,
			});
}

/* Enters a block that a cache or a depot keeps, and reads the slot of its first frame. */
static bool enter_kept(struct walk *walk, uint64_t frame, struct meta_slot *slot)
{
	const uint64_t size = walk->at->kept_frames;
	bool in_place = check_place(walk, frame, size);

	if (!enter(walk, frame, PLACE_BLOCK) || !check_read_slot(walk->check, frame, slot))
		return false;
	expect_tag(walk, frame, slot->vtable_ptr, walk->at->tag_kept);
	if (in_place)
		enter_block(walk, frame, size);
	return true;
}

/* Enters a frame of a bundle that names others, and reads its slot. */
static bool enter_node(struct walk *walk, uint64_t frame, enum depot_content content,
		       struct meta_slot *slot)
{
	if (content == DEPOT_HAS_BLOCKS)
		return enter_kept(walk, frame, slot);
	return enter(walk, frame, PLACE_CACHED) && check_read_slot(walk->check, frame, slot);
}

static void enter_leaf(struct walk *walk, uint64_t frame, enum depot_content content)
{
	struct meta_slot slot;

	if (content == DEPOT_HAS_BLOCKS)
		enter_kept(walk, frame, &slot);
	else
		enter(walk, frame, PLACE_CACHED);
}

static void walk_bundle(struct walk *walk, const struct meta_slot *root, enum depot_content content)
{
	struct meta_slot node;

	for (unsigned n = 0; n < walk->at->bundle_nodes; n++) {
		if (!enter_node(walk, root->storage[1 + n], content, &node))
			continue;
		for (unsigned i = 0; i < walk->at->bundle_leaves; i++)
			enter_leaf(walk, node.storage[i], content);
	}
}

/* Walks a list of bundles; `first` and `count` are offsets in the depot. */
static void walk_bundles(struct walk *walk, uint32_t first, uint32_t count,
			 enum depot_content content)
{
	uint64_t frame = word64(walk->depot, first);
	uint64_t wanted = word64(walk->depot, count);
	uint64_t walked = 0;
	struct meta_slot root;

	for (; frame != ALLOCATOR_NO_FRAME; walked++) {
		if (!enter_node(walk, frame, content, &root) ||
		    walk->check->findings->total > DEPOT_FINDINGS_MAX)
			return;
		walk_bundle(walk, &root, content);
		frame = root.storage[ALLOCATOR_NEXT];
	}
	if (walked != wanted)
		check_finding(walk->check, RULE_FREE_COUNT, FRAME_NUMBER_NONE,
			      TEXT("%" PRIu64 " bundles in %s", wanted, walk->where.text),
			      TEXT("%" PRIu64, walked));
}

static bool read_depot(struct walk *walk, unsigned number)
{
	const struct allocator_descriptor *at = walk->at;

	return read_va(walk->check, at->depots_va + (uint64_t)number * at->depot_size, walk->depot,
		       at->depot_size, "a depot");
}

static void walk_depot(struct walk *walk, unsigned number)
{
	const struct allocator_descriptor *at = walk->at;

	walk->where = check_text("depot %u", number);
	walk_bundles(walk, at->depot_frames_first, at->depot_frames_count, DEPOT_HAS_FRAMES);
	walk->where = check_text("the blocks of depot %u", number);
	walk_bundles(walk, at->depot_blocks_first, at->depot_blocks_count, DEPOT_HAS_BLOCKS);
}

/* The tags of single frames are checked with their slots. */
static void walk_parked(struct walk *walk)
{
	const struct allocator_descriptor *at = walk->at;

	walk->where = check_text("the parked frames");
	walk_list(walk, &(struct block_list){
				.frame = word64(walk->pool, at->parked_first),
				.count = word64(walk->pool, at->parked_count),
				.size = 1,
				.place = PLACE_PARKED,
			});
	walk->where = check_text("the parked blocks");
	walk_list(walk, &(struct block_list){
				.frame = word64(walk->pool, at->parked_block_first),
				.count = word64(walk->pool, at->parked_block_count),
				.size = at->kept_frames,
				.tag = at->tag_parked_block,
				.place = PLACE_BLOCK,
			});
}

/* Whether a count is possible for an array of a cache. Reports it otherwise. */
static bool check_count(struct walk *walk, uint32_t count, uint32_t max)
{
	if (count <= max)
		return true;
	check_finding(walk->check, RULE_FREE_COUNT, FRAME_NUMBER_NONE,
		      TEXT("at most %u in %s", max, walk->where.text), TEXT("%u", count));
	return false;
}

/* Enters the frame numbers in an array of a cache. */
static void walk_array(struct walk *walk, uint32_t offset, uint32_t count, uint32_t max)
{
	if (!check_count(walk, count, max))
		return;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t frame = word64(walk->cache, offset + 8 * (uint64_t)i);

		if (frame != ALLOCATOR_NO_FRAME)
			enter(walk, frame, PLACE_CACHED);
	}
}

static void walk_fresh(struct walk *walk)
{
	uint64_t next = word64(walk->cache, walk->at->cache_fresh_next);
	uint64_t end = word64(walk->cache, walk->at->cache_fresh_end);

	if (next > end || end > walk->check->view->slot_count) {
		check_finding(walk->check, RULE_FREE_LINK, FRAME_NUMBER_NONE,
			      TEXT("frames of a block in %s", walk->where.text),
			      TEXT("%#" PRIx64 " to %#" PRIx64, next, end));
		return;
	}
	while (next < end && enter(walk, next, PLACE_FRESH))
		next++;
}

static void walk_kept(struct walk *walk)
{
	uint32_t count = word32(walk->cache, walk->at->cache_block_count);
	struct meta_slot slot;

	if (!check_count(walk, count, walk->at->cache_blocks_max))
		return;
	for (uint32_t i = 0; i < count; i++)
		enter_kept(walk, word64(walk->cache, walk->at->cache_blocks + 8 * (uint64_t)i),
			   &slot);
}

static void walk_cache(struct walk *walk)
{
	const struct allocator_descriptor *at = walk->at;

	walk->where = check_text("the cache of cpu %u", walk->cpu);
	walk_array(walk, at->cache_stack, word32(walk->cache, at->cache_stack_count),
		   at->cache_stack_max);
	walk_array(walk, at->cache_freed, word32(walk->cache, at->cache_freed_count),
		   at->cache_freed_max);
	walk_fresh(walk);
	walk_kept(walk);
}

static bool read_cache(struct walk *walk, unsigned cpu)
{
	const struct allocator_descriptor *at = walk->at;

	walk->cpu = cpu;
	return read_va(walk->check, at->caches_va + (uint64_t)cpu * at->cache_size, walk->cache,
		       at->cache_size, "a cache");
}

/* Whether no lock is held. While one is held, lists may be inconsistent. */
static bool is_settled(struct walk *walk)
{
	uint32_t locked = word32(walk->pool, walk->at->pool_lock);

	for (unsigned cpu = 0; cpu < walk->at->cache_count; cpu++) {
		if (!read_cache(walk, cpu))
			return false;
		locked |= word32(walk->cache, walk->at->cache_lock);
	}
	for (unsigned depot = 0; depot < walk->at->depot_count; depot++) {
		if (!read_depot(walk, depot))
			return false;
		locked |= word32(walk->depot, walk->at->depot_lock);
	}
	if (locked && walk->check->rules == CHECK_AT_REST)
		bad(walk->check, "no lock held", "a lock held");
	return !locked;
}

void check_free_lists(struct check *check, struct allocator_descriptor *descriptor)
{
	struct walk walk;

	walk.check = check;
	walk.at = descriptor;
	if (!check_read(check, check->view->allocator.addr, descriptor, sizeof(*descriptor))) {
		bad(check, "a descriptor in RAM", TEXT("%#" PRIx64, check->view->allocator.addr));
		return;
	}
	if (!is_sound(check, descriptor) ||
	    !read_va(check, descriptor->pool_va, walk.pool, descriptor->pool_size, "the pool") ||
	    !is_settled(&walk))
		return;
	check->allocator = descriptor;
	check->summary->has_lists = true;
	for (unsigned order = 0; order < descriptor->block_orders; order++)
		walk_blocks(&walk, order);
	for (unsigned depot = 0; depot < descriptor->depot_count && read_depot(&walk, depot);
	     depot++)
		walk_depot(&walk, depot);
	walk_parked(&walk);
	for (unsigned cpu = 0; cpu < descriptor->cache_count && read_cache(&walk, cpu); cpu++)
		walk_cache(&walk);
}
