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

/*
 * What vtable_ptr of an unused slot says about its place in the allocator; small numbers that no
 * type descriptor can have as its address. Anything else: not listed (or inside a larger block).
 */
#define FREE_TAG_BLOCK  UINT64_C(0x100) /* + order: first frame of a free block */
#define FREE_TAG_CACHED UINT64_C(0x200) /* in a CPU's cache */
#define FREE_TAG_PARKED UINT64_C(0x300) /* put aside, held by the host */
#define FREE_TAG_END    UINT64_C(0x400)

#define FREE_LINK_NONE UINT64_MAX

enum free_link {
	FREE_NEXT, /* storage word that holds the next list member */
	FREE_PREVIOUS,
};

struct buddy {
	uint64_t first[FRAME_ORDER_MAX + 1];
	uint64_t blocks[FRAME_ORDER_MAX + 1];
};

void buddy_init(struct buddy *buddy);

/* Lists a block of 2^order frames, merging it as far up as its buddies are free. */
void buddy_free(struct buddy *buddy, pfn_t block, unsigned order);

/* Lists the frames [start, end) as the largest aligned blocks that fit. */
void buddy_add(struct buddy *buddy, pfn_t start, pfn_t end);

/*
 * Takes a free block of at most `order`: exactly that order, split from a larger one, if there is
 * any; otherwise the largest there is. False when nothing is free.
 */
bool buddy_take(struct buddy *buddy, unsigned order, pfn_t *block, unsigned *taken_order);

static inline bool free_tag_is_listed(uint64_t vtable_ptr)
{
	return vtable_ptr >= FREE_TAG_BLOCK && vtable_ptr < FREE_TAG_END;
}

#endif
