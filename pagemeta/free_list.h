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

#define FREE_TAG_BLOCK UINT64_C(0x100) /* + order: first frame of a free block */
#define FREE_TAG_KEPT                                                                              \
	UINT64_C(0x180) /* + order: the same, for a block in a CPU's cache or in a depot */
#define FREE_TAG_CACHED UINT64_C(0x200) /* a single frame in a CPU's cache or in a depot */
#define FREE_TAG_PARKED UINT64_C(0x300) /* put aside, held by the host */
#define FREE_TAG_END    UINT64_C(0x400)
/* Not listed: the first frame of a run that was handed out, until it is claimed. */
#define FREE_TAG_LENT   UINT64_C(0x400)

/* The end of a list. */
#define FREE_LINK_NONE UINT64_MAX

/* Storage words of a free frame's slot; links are frame numbers. */
enum free_link {
	FREE_NEXT,     /* next in a list of blocks, bundles or parked frames */
	FREE_PREVIOUS, /* blocks only */
};

/* The order of the free block that a frame with this tag begins; larger than any order if it begins none. */
static inline uint64_t free_tag_order(uint64_t vtable_ptr)
{
	return (vtable_ptr - FREE_TAG_BLOCK) & ~(FREE_TAG_KEPT - FREE_TAG_BLOCK);
}

static inline bool free_tag_is_listed(uint64_t vtable_ptr)
{
	return vtable_ptr >= FREE_TAG_BLOCK && vtable_ptr < FREE_TAG_END;
}

#endif
