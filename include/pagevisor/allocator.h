/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a frame allocator keeps its state, for an observer that checks it: see pagemeta/frame_alloc.h.
 *
 * The descriptor is constant. It gives the offset of each field, so the layout may change freely. ALLOCATOR_VERSION
 * stands for the meaning of the fields. Addresses are virtual addresses of the program that runs the allocator. Frames
 * are frame numbers, 64 bits wide; counts are 32 bits wide in a cache and 64 bits in the pool
 * and in depots.
 *
 * The vtable_ptr of a free frame's slot holds a tag for the kind of list that the frame is in. Blocks are doubly linked
 * through storage words 0 (next) and 1 (previous) of their first frames. So are the parked frames, and the parked
 * blocks of kept_frames, which the host holds. A depot has two lists of bundles, one of single frames and one of blocks
 * of kept_frames, which stand for their first frames. Word 0 of a bundle's root names the next root; the words after it
 * name bundle_nodes nodes. Each node names bundle_leaves leaves, from word 0 on. The blocks of depots and caches carry
 * tag_kept.
 */
#ifndef PAGEVISOR_ALLOCATOR_H
#define PAGEVISOR_ALLOCATOR_H

#include <stdint.h>

#include <pagevisor/abi.h>

#define ALLOCATOR_VERSION 3

/* Ends a list. In a cache's array of freed frames it marks an empty entry. */
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
	/* Offsets in a cache, except _max: the number of frames that fit. */
	uint32_t cache_lock; /* nonzero while a CPU changes the cache */
	uint32_t cache_stack_count;
	uint32_t cache_stack; /* single frames */
	uint32_t cache_stack_max;
	uint32_t cache_freed_count;
	uint32_t cache_freed; /* recently freed */
	uint32_t cache_freed_max;
	uint32_t cache_fresh_next; /* frames [next, end) of a block that is being used up */
	uint32_t cache_fresh_end;
	uint32_t cache_block_count;
	uint32_t cache_blocks; /* first frames of blocks of kept_frames */
	uint32_t cache_blocks_max;
	uint32_t pool_size;
	uint32_t kept_frames; /* of each block that caches and depots keep; not an offset */

	uint64_t pool_va;
	/* Offsets in the pool. */
	uint32_t pool_lock;
	uint32_t block_orders; /* blocks have 2^0 .. 2^(block_orders - 1) frames */
	uint32_t block_first;  /* an array: the first block of each order */
	uint32_t block_count;  /* an array: blocks of each order */
	uint32_t parked_first;
	uint32_t parked_block_first;
	uint32_t parked_count;
	uint32_t managed_frames; /* how many there are in all, free or not */

	uint64_t depots_va; /* an array */
	uint32_t depot_count;
	uint32_t depot_size;
	/* Offsets in a depot: the first bundles and the numbers of bundles. */
	uint32_t depot_lock;
	uint32_t depot_frames_first;
	uint32_t depot_frames_count;
	uint32_t depot_blocks_first;
	uint32_t depot_blocks_count;
	uint32_t parked_block_count; /* an offset in the pool */

	uint64_t ranges_va; /* the frames that the allocator manages */
	uint32_t ranges_size;
	uint32_t range_count; /* offset of the number of ranges, 32 bits wide */
	uint32_t range_first; /* offset of struct allocator_range[], sorted and not touching */
	uint32_t range_max;

	uint32_t tag_block; /* + order: the first frame of a block */
	uint32_t tag_kept;  /* the first frame of a block in a cache or depot */
	uint32_t tag_cached;
	uint32_t tag_parked;
	uint32_t tag_end; /* tags lie in [tag_block, tag_end) */
	uint32_t bundle_nodes;
	uint32_t bundle_leaves; /* of each node */
	uint32_t tag_parked_block;
};

ABI_OFFSET(struct allocator_descriptor, version, 0);
ABI_OFFSET(struct allocator_descriptor, size, 4);
ABI_OFFSET(struct allocator_descriptor, caches_va, 8);
ABI_OFFSET(struct allocator_descriptor, cache_count, 16);
ABI_OFFSET(struct allocator_descriptor, cache_size, 20);
ABI_OFFSET(struct allocator_descriptor, cache_lock, 24);
ABI_OFFSET(struct allocator_descriptor, cache_stack_count, 28);
ABI_OFFSET(struct allocator_descriptor, cache_stack, 32);
ABI_OFFSET(struct allocator_descriptor, cache_stack_max, 36);
ABI_OFFSET(struct allocator_descriptor, cache_freed_count, 40);
ABI_OFFSET(struct allocator_descriptor, cache_freed, 44);
ABI_OFFSET(struct allocator_descriptor, cache_freed_max, 48);
ABI_OFFSET(struct allocator_descriptor, cache_fresh_next, 52);
ABI_OFFSET(struct allocator_descriptor, cache_fresh_end, 56);
ABI_OFFSET(struct allocator_descriptor, cache_block_count, 60);
ABI_OFFSET(struct allocator_descriptor, cache_blocks, 64);
ABI_OFFSET(struct allocator_descriptor, cache_blocks_max, 68);
ABI_OFFSET(struct allocator_descriptor, pool_size, 72);
ABI_OFFSET(struct allocator_descriptor, kept_frames, 76);
ABI_OFFSET(struct allocator_descriptor, pool_va, 80);
ABI_OFFSET(struct allocator_descriptor, pool_lock, 88);
ABI_OFFSET(struct allocator_descriptor, block_orders, 92);
ABI_OFFSET(struct allocator_descriptor, block_first, 96);
ABI_OFFSET(struct allocator_descriptor, block_count, 100);
ABI_OFFSET(struct allocator_descriptor, parked_first, 104);
ABI_OFFSET(struct allocator_descriptor, parked_block_first, 108);
ABI_OFFSET(struct allocator_descriptor, parked_count, 112);
ABI_OFFSET(struct allocator_descriptor, managed_frames, 116);
ABI_OFFSET(struct allocator_descriptor, depots_va, 120);
ABI_OFFSET(struct allocator_descriptor, depot_count, 128);
ABI_OFFSET(struct allocator_descriptor, depot_size, 132);
ABI_OFFSET(struct allocator_descriptor, depot_lock, 136);
ABI_OFFSET(struct allocator_descriptor, depot_frames_first, 140);
ABI_OFFSET(struct allocator_descriptor, depot_frames_count, 144);
ABI_OFFSET(struct allocator_descriptor, depot_blocks_first, 148);
ABI_OFFSET(struct allocator_descriptor, depot_blocks_count, 152);
ABI_OFFSET(struct allocator_descriptor, parked_block_count, 156);
ABI_OFFSET(struct allocator_descriptor, ranges_va, 160);
ABI_OFFSET(struct allocator_descriptor, ranges_size, 168);
ABI_OFFSET(struct allocator_descriptor, range_count, 172);
ABI_OFFSET(struct allocator_descriptor, range_first, 176);
ABI_OFFSET(struct allocator_descriptor, range_max, 180);
ABI_OFFSET(struct allocator_descriptor, tag_block, 184);
ABI_OFFSET(struct allocator_descriptor, tag_kept, 188);
ABI_OFFSET(struct allocator_descriptor, tag_cached, 192);
ABI_OFFSET(struct allocator_descriptor, tag_parked, 196);
ABI_OFFSET(struct allocator_descriptor, tag_end, 200);
ABI_OFFSET(struct allocator_descriptor, bundle_nodes, 204);
ABI_OFFSET(struct allocator_descriptor, bundle_leaves, 208);
ABI_OFFSET(struct allocator_descriptor, tag_parked_block, 212);
ABI_SIZE(struct allocator_descriptor, 216);

/* Frames [start, end). */
struct allocator_range {
	uint64_t start;
	uint64_t end;
};

ABI_OFFSET(struct allocator_range, start, 0);
ABI_OFFSET(struct allocator_range, end, 8);
ABI_SIZE(struct allocator_range, 16);

#endif
