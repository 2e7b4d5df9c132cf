/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The frame allocator: which unused frame to claim next.
 *
 *                          frame_alloc   frame_alloc_release   frame_alloc_add   frame_alloc_stats
 *     frame_alloc             yes               yes                 yes                yes
 *     frame_alloc_release                       yes                 yes                yes
 *     ("yes": may run at the same time on different CPUs)
 *
 * Free frames are linked through their slots, never through their bytes: the memory of a free frame
 * is not touched. Each CPU has a cache of single frames; behind the caches a binary buddy system
 * keeps blocks of 2^order frames under one lock. A free frame's place is written in its vtable_ptr,
 * which means nothing else while a slot is UNUSED.
 *
 * The host may claim any free frame at any time (state HOST). The allocator meets it when it
 * claims: it puts the frame aside, takes another, and lists the frame again once the host has let
 * go.
 */
#ifndef PAGEMETA_FRAME_ALLOC_H
#define PAGEMETA_FRAME_ALLOC_H

#include "frame.h"
#include "region.h"

#define FRAME_ORDER_MAX 18 /* 1 GiB */

/* Starts with the usable regions of a partition. Once, before frame_alloc, on one CPU. */
void frame_alloc_init(const struct region_list *partition);

/* Lists the frames [start, end), page-aligned, whose slots are UNUSED and listed nowhere. */
void frame_alloc_add(paddr_t start, paddr_t end);

/*
 * Takes a free frame and claims it with `size` bytes of metadata; refs is 1 or REF_UNIQUE.
 * FRAME_NONE when no memory is free. Use frame_alloc().
 */
frame_t frame_alloc_claim(const struct meta_type *type, const void *meta, size_t size,
			  uint32_t refs);

/*
 * A free frame as the type, with *meta of type `struct type_meta`; the caller has the first
 * reference.
 */
#define frame_alloc(type, meta)                                                                    \
	frame_alloc_claim(&meta_type_##type, (const struct type##_meta *){meta},                   \
			  sizeof(struct type##_meta), 1)

/*
 * Takes back a frame whose slot was just reset: the last step of its drop. Aborts if the allocator
 * lists it already.
 */
void frame_alloc_release(struct meta_slot *slot);

/* Free frames by where they are; exact only while nobody allocates or frees. */
struct frame_alloc_stats {
	uint64_t managed;                     /* frames ever given to the allocator */
	uint64_t cached;                      /* in the CPUs' caches */
	uint64_t parked;                      /* put aside because the host holds them */
	uint64_t blocks[FRAME_ORDER_MAX + 1]; /* free blocks of each order */
};

void frame_alloc_read_stats(struct frame_alloc_stats *stats);

#endif
