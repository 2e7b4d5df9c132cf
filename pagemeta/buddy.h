/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The binary buddy system behind the CPUs' caches: free blocks of 2^order frames, aligned to their
 * size, merged with their buddy as soon as both are free.
 *
 * Not concurrent: the caller serialises. The lists run through the slots of the blocks' first
 * frames: word 0 of the storage is the next block, word 1 the previous one, as frame numbers;
 * vtable_ptr holds the tag.
 */
#ifndef PAGEMETA_BUDDY_H
#define PAGEMETA_BUDDY_H

#include "frame.h"
#include "frame_alloc.h"
#include "free_list.h"

struct buddy {
	uint64_t first[FRAME_ORDER_MAX + 1];
	uint64_t blocks[FRAME_ORDER_MAX + 1];
};

void buddy_init(struct buddy *buddy);

/* Lists a block of 2^order frames, merging it with its buddy as long as that is free. */
void buddy_free(struct buddy *buddy, pfn_t block, unsigned order);

/* The order of the largest aligned block that begins at `start` and ends at `end` or before. */
unsigned buddy_order_at(pfn_t start, pfn_t end);

/* Lists the frames [start, end) as the largest aligned blocks that fit. */
void buddy_add(struct buddy *buddy, pfn_t start, pfn_t end);

/*
 * Takes a free block of at most `order`: exactly that order, split from a larger one, if there is
 * any; otherwise the largest there is. False when nothing is free.
 */
bool buddy_take(struct buddy *buddy, unsigned order, pfn_t *block, unsigned *taken_order);

/* Whether buddy_take of exactly this order would succeed. */
bool buddy_has(const struct buddy *buddy, unsigned order);

/* How many frames are listed. */
uint64_t buddy_frames(const struct buddy *buddy);

/*
 * Whether a frame lies in a listed or a parked block. Looks at one frame for each order, the one with which such a
 * block would begin.
 */
bool buddy_lists(pfn_t frame);

/*
 * Takes `count` free blocks of the largest order that lie side by side. False, and nothing changed, when there
 * are none. Looks at every free block of that order.
 */
bool buddy_take_neighbours(struct buddy *buddy, uint64_t count, pfn_t *first);

#endif
