/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the slot of a free frame says about its place in the allocator.
 *
 * While a slot is UNUSED, its storage holds links and its vtable_ptr a tag. Tags are small numbers that cannot be the
 * address of a type descriptor. Any other value means that the frame is not listed, or that it lies inside a larger
 * block whose first frame is listed.
 */
#ifndef PAGEMETA_FREE_LIST_H
#define PAGEMETA_FREE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping.h"
#include "slot.h"

#define FREE_TAG_BLOCK UINT64_C(0x100) /* + order: first frame of a free block */
#define FREE_TAG_KEPT                                                                              \
	UINT64_C(0x180) /* + order: the same, for a block in a CPU's cache or in a depot */
#define FREE_TAG_CACHED UINT64_C(0x200) /* a single frame in a CPU's cache or in a depot */
#define FREE_TAG_PARKED                                                                            \
	UINT64_C(0x300) /* + order: a frame, or the first frame of a block, that the host holds */
#define FREE_TAG_END  UINT64_C(0x400)
/* Not listed: the first frame of a run that was handed out, until it is claimed. */
#define FREE_TAG_LENT UINT64_C(0x400)

/* The end of a list. */
#define FREE_LINK_NONE UINT64_MAX

/* Storage words of a free frame's slot; links are frame numbers. */
enum free_link {
	FREE_NEXT,     /* next in a list of blocks, bundles, or what is parked */
	FREE_PREVIOUS, /* not of bundles */
	FREE_STATE, /* no link: of a parked block, the state in which its first frame was found */
};

/* The order of the block, free or parked, that a frame with this tag begins; larger than any order if none. */
static inline uint64_t free_tag_order(uint64_t vtable_ptr)
{
	return (vtable_ptr - FREE_TAG_BLOCK) &
	       ~((FREE_TAG_KEPT - FREE_TAG_BLOCK) | (FREE_TAG_PARKED - FREE_TAG_BLOCK));
}

/*
 * Doubly linked lists of blocks, newest first: *first is the first one, FREE_LINK_NONE if there is none. The caller
 * serialises. Others may load the tag meanwhile.
 */
static inline void free_list_link(uint64_t *first, uint64_t *count, pfn_t block, uint64_t tag)
{
	struct meta_slot *slot = pfn_to_meta(block);
	uint64_t next = *first;

	slot_word_store(&slot->storage[FREE_NEXT], next);
	slot_word_store(&slot->storage[FREE_PREVIOUS], FREE_LINK_NONE);
	slot_word_store(&slot->vtable_ptr, tag);
	if (next != FREE_LINK_NONE)
		slot_word_store(&pfn_to_meta(pfn(next))->storage[FREE_PREVIOUS], block.index);
	*first = block.index;
	++*count;
}

static inline void free_list_unlink(uint64_t *first, uint64_t *count, pfn_t block)
{
	struct meta_slot *slot = pfn_to_meta(block);
	uint64_t next = slot_word_load(&slot->storage[FREE_NEXT]);
	uint64_t previous = slot_word_load(&slot->storage[FREE_PREVIOUS]);

	if (previous == FREE_LINK_NONE)
		*first = next;
	else
		slot_word_store(&pfn_to_meta(pfn(previous))->storage[FREE_NEXT], next);
	if (next != FREE_LINK_NONE)
		slot_word_store(&pfn_to_meta(pfn(next))->storage[FREE_PREVIOUS], previous);
	slot_word_store(&slot->vtable_ptr, 0);
	--*count;
}

static inline bool free_tag_is_listed(uint64_t vtable_ptr)
{
	return vtable_ptr >= FREE_TAG_BLOCK && vtable_ptr < FREE_TAG_END;
}

#endif
