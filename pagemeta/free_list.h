/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the slot of a free frame says about its place in the allocator.
 *
 * While a slot is UNUSED its storage holds links and its vtable_ptr a tag: small numbers that no
 * type descriptor can have as its address. Any other value: not listed, or inside a larger block
 * whose first frame is.
 */
#ifndef PAGEMETA_FREE_LIST_H
#define PAGEMETA_FREE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#define FREE_TAG_BLOCK  UINT64_C(0x100) /* + order: first frame of a free block */
#define FREE_TAG_KEPT   UINT64_C(0x180) /* + order: the same, of a block that a CPU's cache keeps */
#define FREE_TAG_CACHED UINT64_C(0x200) /* in a CPU's cache, or in the depot behind the caches */
#define FREE_TAG_PARKED UINT64_C(0x300) /* put aside, held by the host */
#define FREE_TAG_END    UINT64_C(0x400)
#define FREE_TAG_LENT                                                                              \
	UINT64_C(                                                                                  \
		0x400) /* not listed: first frame of a run that was handed out, until it is claimed */

/* The end of a list. */
#define FREE_LINK_NONE UINT64_MAX

/* Storage words of a free frame's slot; links are frame numbers. */
enum free_link {
	FREE_NEXT,     /* next in a list of blocks, bundles or parked frames */
	FREE_PREVIOUS, /* blocks only */
};

/* The order of the free block that a frame with this tag begins; more than any order when it begins none. */
static inline uint64_t free_tag_order(uint64_t vtable_ptr)
{
	return (vtable_ptr - FREE_TAG_BLOCK) & ~(FREE_TAG_KEPT - FREE_TAG_BLOCK);
}

static inline bool free_tag_is_listed(uint64_t vtable_ptr)
{
	return vtable_ptr >= FREE_TAG_BLOCK && vtable_ptr < FREE_TAG_END;
}

#endif
