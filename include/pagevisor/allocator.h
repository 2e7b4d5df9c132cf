/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a frame allocator keeps its state, for an observer that checks it: see pagemeta/frame_alloc.h.
 *
 * The descriptor is constant. It names the places of the fields, so that their layout may change freely; what they
 * mean is what ALLOCATOR_VERSION stands for. Addresses are virtual addresses of the one who runs the allocator. Frames
 * are frame numbers, 64 bits wide; counts are 32 bits wide in a cache and 64 bits in the pool.
 *
 * A free frame's slot has a tag in its vtable_ptr that says in what kind of list it is. Blocks are doubly
 * linked through storage words 0 (next) and 1 (previous) of their first frames; the parked frames are a queue through
 * word 0, as long as its count says. The depot is a list of bundles: a root, whose word 0 names the next root and
 * whose next words name bundle_nodes nodes, each of which names bundle_leaves leaves from word 0 on.
 */
#ifndef PAGEVISOR_ALLOCATOR_H
#define PAGEVISOR_ALLOCATOR_H

#include <stddef.h>
#include <stdint.h>

#define ALLOCATOR_VERSION 1

/* Ends a list; in a cache's list of freed frames it marks a place that is empty. */
#define ALLOCATOR_NO_FRAME UINT64_MAX

/* Words of the slot of a free frame. */
enum allocator_link {
	ALLOCATOR_NEXT,
	ALLOCATOR_PREVIOUS,
};

struct allocator_descriptor {
	uint32_t version;
	uint32_t size; /* sizeof(struct allocator_descriptor) */

	uint64_t caches_va; /* an array: one for each CPU */
	uint32_t cache_count;
	uint32_t cache_size;
	/* Offsets in a cache, but for _max: that many frames fit. */
	uint32_t cache_lock; /* nonzero while somebody changes it */
	uint32_t cache_stack_count;
	uint32_t cache_stack; /* single frames */
	uint32_t cache_stack_max;
	uint32_t cache_freed_count;
	uint32_t cache_freed; /* freed lately */
	uint32_t cache_freed_max;
	uint32_t cache_fresh_next; /* frames [next, end) of a block that is being used up */
	uint32_t cache_fresh_end;
	uint32_t
		cache_spare; /* the first frame of a block of spare_frames, or ALLOCATOR_NO_FRAME */
	uint32_t spare_frames; /* no offset */
	uint32_t pool_size;

	uint64_t pool_va;
	/* Offsets in the pool. */
	uint32_t pool_lock;
	uint32_t block_orders; /* blocks have 2^0 .. 2^(block_orders - 1) frames */
	uint32_t block_first;  /* an array: the first block of each order */
	uint32_t block_count;  /* an array: blocks of each order */
	uint32_t depot_first;
	uint32_t depot_count; /* of bundles */
	uint32_t parked_first;
	uint32_t parked_last;
	uint32_t parked_count;
	uint32_t managed_frames; /* how many there are in all, free or not */

	uint64_t ranges_va; /* the frames that the allocator manages */
	uint32_t ranges_size;
	uint32_t range_count; /* offset of their number, 32 bits wide */
	uint32_t
		range_first; /* offset of an array of struct allocator_range, sorted and apart from each other */
	uint32_t range_max;

	uint32_t tag_block; /* + order: the first frame of a block */
	uint32_t tag_spare; /* the first frame of the block that a cache keeps */
	uint32_t tag_cached;
	uint32_t tag_parked;
	uint32_t tag_end; /* tags lie in [tag_block, tag_end) */
	uint32_t bundle_nodes;
	uint32_t bundle_leaves; /* of each node */
	uint32_t reserved;
};

_Static_assert(offsetof(struct allocator_descriptor, caches_va) == 8, "descriptor is ABI");
_Static_assert(offsetof(struct allocator_descriptor, pool_va) == 72, "descriptor is ABI");
_Static_assert(offsetof(struct allocator_descriptor, ranges_va) == 120, "descriptor is ABI");
_Static_assert(sizeof(struct allocator_descriptor) == 176, "descriptor is ABI");

/* Frames [start, end). */
struct allocator_range {
	uint64_t start;
	uint64_t end;
};

#endif
