/* SPDX-License-Identifier: MPL-2.0 */
/* The binary buddy system: see buddy.h. */
#include "buddy.h"

void buddy_init(struct buddy *buddy)
{
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
		buddy->first[order] = FREE_LINK_NONE;
		buddy->blocks[order] = 0;
	}
}

static void link_block(struct buddy *buddy, pfn_t block, unsigned order)
{
	free_list_link(&buddy->first[order], &buddy->blocks[order], block, FREE_TAG_BLOCK + order);
}

static void unlink_block(struct buddy *buddy, pfn_t block, unsigned order)
{
	free_list_unlink(&buddy->first[order], &buddy->blocks[order], block);
}

/*
 * Whether the frame is the first of a listed free block of this order. The tag alone decides: it is written and cleared
 * under the caller's lock, and an owner's vtable_ptr is never a tag.
 */
static bool is_free_block(pfn_t frame, unsigned order)
{
	return frame.index < meta_max_paddr / PAGE_SIZE &&
	       slot_word_load(&pfn_to_meta(frame)->vtable_ptr) == FREE_TAG_BLOCK + order;
}

void buddy_free(struct buddy *buddy, pfn_t block, unsigned order)
{
	while (order < FRAME_ORDER_MAX) {
		pfn_t other = pfn(block.index ^ (UINT64_C(1) << order));

		if (!is_free_block(other, order))
			break;
		unlink_block(buddy, other, order);
		block.index &= other.index;
		order++;
	}
	link_block(buddy, block, order);
}

bool buddy_lists(pfn_t frame)
{
	uint64_t first = frame.index;

	for (;;) {
		uint64_t order =
			free_tag_order(slot_word_load(&pfn_to_meta(pfn(first))->vtable_ptr));

		if (order <= FRAME_ORDER_MAX && frame.index - first < UINT64_C(1) << order)
			return true;
		if (is_aligned(first, UINT64_C(1) << FRAME_ORDER_MAX))
			return false;
		/* The next lower frame with a larger alignment. */
		first &= first - 1;
	}
}

unsigned buddy_order_at(pfn_t start, pfn_t end)
{
	/* The bit past the largest order stands for all above it. */
	uint64_t align = start.index | UINT64_C(1) << FRAME_ORDER_MAX;
	unsigned by_start = (unsigned)__builtin_ctzll(align);
	unsigned by_length = 63 - (unsigned)__builtin_clzll(end.index - start.index);

	return by_start < by_length ? by_start : by_length;
}

void buddy_add(struct buddy *buddy, pfn_t start, pfn_t end)
{
	while (start.index < end.index) {
		unsigned order = buddy_order_at(start, end);

		buddy_free(buddy, start, order);
		start.index += UINT64_C(1) << order;
	}
}

/* Splits a block that was just unlinked, down to `order`, and lists the upper halves. */
static void split_block(struct buddy *buddy, pfn_t block, unsigned from, unsigned order)
{
	while (from > order) {
		from--;
		link_block(buddy, pfn(block.index + (UINT64_C(1) << from)), from);
	}
}

bool buddy_take(struct buddy *buddy, unsigned order, pfn_t *block, unsigned *taken_order)
{
	for (unsigned from = order; from <= FRAME_ORDER_MAX; from++) {
		if (buddy->first[from] == FREE_LINK_NONE)
			continue;
		*block = pfn(buddy->first[from]);
		*taken_order = order;
		unlink_block(buddy, *block, from);
		split_block(buddy, *block, from, order);
		return true;
	}
	while (order-- > 0) {
		if (buddy->first[order] == FREE_LINK_NONE)
			continue;
		*block = pfn(buddy->first[order]);
		*taken_order = order;
		unlink_block(buddy, *block, order);
		return true;
	}
	return false;
}

bool buddy_has(const struct buddy *buddy, unsigned order)
{
	for (; order <= FRAME_ORDER_MAX; order++)
		if (buddy->blocks[order])
			return true;
	return false;
}

uint64_t buddy_frames(const struct buddy *buddy)
{
	uint64_t frames = 0;

	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		frames += buddy->blocks[order] << order;
	return frames;
}

/* How many free blocks of the largest order lie side by side from this one on, at most `limit`. */
static uint64_t neighbours_from(uint64_t block, uint64_t limit)
{
	uint64_t count = 0;

	while (count < limit &&
	       is_free_block(pfn(block + (count << FRAME_ORDER_MAX)), FRAME_ORDER_MAX))
		count++;
	return count;
}

bool buddy_take_neighbours(struct buddy *buddy, uint64_t count, pfn_t *first)
{
	uint64_t block = buddy->first[FRAME_ORDER_MAX];

	while (block != FREE_LINK_NONE && neighbours_from(block, count) < count)
		block = slot_word_load(&pfn_to_meta(pfn(block))->storage[FREE_NEXT]);
	if (block == FREE_LINK_NONE)
		return false;
	*first = pfn(block);
	for (uint64_t i = 0; i < count; i++)
		unlink_block(buddy, pfn(block + (i << FRAME_ORDER_MAX)), FRAME_ORDER_MAX);
	return true;
}
