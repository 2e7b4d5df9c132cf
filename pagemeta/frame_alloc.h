/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The frame allocator: which unused frame to claim next.
 *
 * Any function here may run on any CPU at any time, concurrently with any other, except frame_alloc_init, which runs
 * first and alone; in an interrupt handler, only where debug.h says so. An allocation before frame_alloc_init aborts.
 * Nothing sleeps. While a CPU's cache has what is asked for, or room for what comes back, the CPU takes no lock but the
 * cache's.
 *
 * Each CPU has a cache of single frames and of blocks of 512 frames. Behind the caches lie depots of bundles of either
 * (frame_depot.h), with a lock each, and a binary buddy system of blocks of 2^order frames (buddy.h), with one lock.
 * A block of 512 that comes back stays in a cache or depot. Frames are merged into larger blocks lazily: when a request
 * finds none that is large enough. Free frames are linked through their slots, never through their bytes: the memory of
 * a free frame is not touched.
 *
 * The host may claim any free frame at any time (state HOST). The allocator notices when it claims the frame. It then
 * puts the frame aside, takes another, and lists the frame again once the host has released it and said so
 * (pagevisor/keeper.h): what is put aside costs nothing until then. A block of 512 that is all the host's is put aside
 * as one. The bytes of a frame that is neither BUSY nor in use are not touched.
 *
 * This header is the interface of the allocator, and knows none of the files behind it (frame_pool.h lists them). A
 * platform may leave those out and bring an allocator of its own: PORTING.md says which of these functions it must
 * define.
 */
#ifndef PAGEMETA_FRAME_ALLOC_H
#define PAGEMETA_FRAME_ALLOC_H

#include "frame.h"
#include "region.h"

#define FRAME_ORDER_MAX 18 /* 1 GiB */

/*
 * Starts the allocator with the usable regions of a partition. Called once, on one CPU. Aborts if one of them cannot be
 * added.
 */
void frame_alloc_init(const struct region_list *partition);

enum frame_add_error {
	FRAME_ADD_OK,
	FRAME_ADD_NOT_ALIGNED,  /* an address is not the first address of a frame */
	FRAME_ADD_OUT_OF_BOUND, /* the end lies before the start, or past the last slot */
	FRAME_ADD_MANAGED,      /* the allocator has one of the frames already, free or in use */
	FRAME_ADD_FULL,         /* too many ranges that do not touch */
	FRAME_ADD_IN_USE,       /* one of the frames has an owner other than the host */
};

/*
 * Makes the allocator manage the frames [start, end) for good, and lists them as free. They must be UNUSED or held by
 * the host, and nobody may claim them by address. Looks at each slot, without a lock. An empty range is valid and adds
 * nothing. After an error nothing has changed. If several errors apply, returns the first in the enum.
 */
META_MUST_USE enum frame_add_error frame_alloc_add(paddr_t start, paddr_t end);

/*
 * What frame_alloc_add would return if none of the frames had an owner. Holds for as long as nobody else calls
 * frame_alloc_add.
 */
META_MUST_USE enum frame_add_error frame_alloc_may_add(paddr_t start, paddr_t end);

/*
 * The parts of frame_alloc_claim: the next frame to try, NULL when none is free; and what to do when it was not free.
 */
struct meta_slot *frame_alloc_next(void);
void frame_alloc_next_failed(struct meta_slot *slot, enum ref_class found);

/*
 * Takes a free frame and claims it with `size` bytes of metadata; refs is 1 or REF_UNIQUE. FRAME_NONE only when
 * no frame is free, in no CPU's cache either. Use frame_alloc().
 */
META_MUST_USE static inline __attribute__((always_inline)) frame_t
frame_alloc_claim(const struct meta_type *type, const void *meta, size_t size, uint32_t refs)
{
	expect_task("an allocation in an interrupt handler");
	for (;;) {
		struct meta_slot *slot = frame_alloc_next();

		if (__builtin_expect(!slot, 0))
			return FRAME_NONE;

		enum ref_class found = slot_claim(slot, type, meta, size, refs);

		if (__builtin_expect(found == REF_CLASS_UNUSED, 1))
			return (frame_t){slot};
		frame_alloc_next_failed(slot, found);
	}
}

/* A free frame as the type, with *meta of struct type_meta; the caller has the first reference. */
#define frame_alloc(type, meta)                                                                    \
	frame_alloc_result(META_COPIED(                                                            \
		type, meta,                                                                        \
		frame_alloc_claim(&meta_type_##type, &meta_copy_, sizeof(meta_copy_), 1)))

/*
 * frame_alloc_zeroed(type, meta): as frame_alloc, and the bytes of the frame are zero. They are written while the frame
 * is BUSY: whoever gets a reference, even by the address, finds zeroes or what another holder has written since.
 */
#define frame_alloc_zeroed(type, meta)                                                             \
	frame_alloc_result(META_COPIED(                                                            \
		type, meta,                                                                        \
		frame_alloc_claim_zeroed(&meta_type_##type, &meta_copy_, sizeof(meta_copy_), 1)))

/* As frame_alloc_claim, with zeroed bytes. Out of line: zeroing a page costs more than a call. */
META_MUST_USE frame_t frame_alloc_claim_zeroed(const struct meta_type *type, const void *meta,
					       size_t size, uint32_t refs);

/* As frame_claim_result. */
META_MUST_USE static inline frame_t frame_alloc_result(frame_t frame)
{
	return frame;
}

/*
 * Zeroes the bytes of `count` frames that are BUSY, by the caller. Nobody touches the bytes of a frame that is UNUSED,
 * not even of one in his hand: the host may have taken it, and have given its memory away.
 */
void frame_alloc_zero(pfn_t first, uint64_t count);

/*
 * Takes back a frame whose slot was just reset: the last step of a drop, which has no other callers (frame_put.h). It
 * need not detect a double free: the reference count has done so. A foreign frame, one that the allocator was never
 * given, is caught later: not by the release, but before it is handed out or merged.
 */
void frame_alloc_release(struct meta_slot *slot);

/* Whether there is an allocator. Until then, dropped frames stay UNUSED and belong to nobody. */
extern bool frame_alloc_started;

/*
 * Runs of frames, for callers that claim them one by one. The frames are UNUSED and belong to the caller: the allocator
 * does not list them. Any of them may turn HOST before it is claimed; the caller then gives all of them back with
 * frame_alloc_return, or that one with frame_alloc_put_aside and the others with frame_alloc_give.
 */

/*
 * Takes `count` contiguous frames that begin at a multiple of `align` frames, a power of two. They are the start of one
 * free block, which is aligned to its size; the rest of the block goes back. A run of more than 1 GiB comes from
 * several adjacent blocks of 1 GiB. False when there is no such block, even after everything is merged: free frames
 * that are adjacent across the border of two blocks do not form a run. A count of zero or an align of more than 1 GiB
 * is never found.
 */
META_MUST_USE bool frame_alloc_take(uint64_t count, uint64_t align, pfn_t *first);

/* Whether such a run could be found at all, whatever is free. */
META_MUST_USE static inline bool frame_alloc_may_take(uint64_t count, uint64_t align)
{
	return count > 0 && count <= meta_max_paddr / PAGE_SIZE &&
	       align <= UINT64_C(1) << FRAME_ORDER_MAX;
}

/* The smallest order whose blocks hold `count` frames at a multiple of `align`. */
static inline unsigned frame_alloc_order(uint64_t count, uint64_t align)
{
	unsigned order = 0;

	while (UINT64_C(1) << order < count || UINT64_C(1) << order < align)
		order++;
	return order;
}

/*
 * Gives back `count` frames, a whole run or part of one; they are UNUSED or HOST. Aborts if a frame is foreign, and
 * names the first. Also aborts at a frame that it finds in use or listed as free. It checks every frame of a run of up
 * to 4. It splits a longer run into aligned blocks, as the buddy system does, and checks
 *
 *   - whether a block lies in a listed one. This misses only a block that begins a run that was taken, never claimed,
 *     and came back as the inner part of a longer one. So a run that is given twice is caught until somebody takes it.
 *     A CPU's cache may be the one that takes it: frames that it has not handed out yet bear no mark;
 *   - apart from that, the first frame of each quarter of a block, and the last frame of the run.
 *
 * A frame that escapes these checks and is listed twice is caught when it is claimed a second time.
 */
void frame_alloc_give(pfn_t first, uint64_t count);

/*
 * Gives a frame back that is, or was a moment ago, in state HOST. Aborts if it is foreign, in use, put aside already,
 * or in a free block. Does not notice a frame that lies in a CPU's cache.
 */
void frame_alloc_put_aside(pfn_t frame);

/*
 * Gives back a whole run of which any frames may be HOST: those are put aside. The first `claimed` of them were claimed
 * in vain, and are UNUSED again. Aborts as frame_alloc_give does.
 */
void frame_alloc_return(pfn_t first, uint64_t count, uint64_t claimed);

/* Free frames by where they are; exact only while nobody allocates or frees. */
struct frame_alloc_stats {
	uint64_t managed; /* frames ever given to the allocator */
	uint64_t cached;  /* in the CPUs' caches and in the depots, blocks of 512 included */
	uint64_t parked;  /* put aside because the host holds them */
	uint64_t blocks[FRAME_ORDER_MAX + 1]; /* free blocks of each order */
};

/* Where the allocator keeps its state, for an observer: see pagevisor/allocator.h. */
struct allocator_descriptor;
extern const struct allocator_descriptor frame_alloc_descriptor;

/*
 * The words that the allocator shares with a keeper, who manages the kernel's memory from outside: see
 * pagevisor/keeper.h. A kernel that does not publish the page has none.
 */
struct keeper_page;
extern struct keeper_page frame_keeper;

/*
 * Whether a CPU has more of the host's frames in its hand than its allocation needs, on their way to be put aside. The
 * host may release them meanwhile, and nobody else finds them. For frame_ask.c alone.
 */
bool frame_alloc_has_handful(void);

void frame_alloc_read_stats(struct frame_alloc_stats *stats);

/* Merges all free frames into the largest possible blocks. Slow: it looks at each free frame. */
void frame_alloc_merge(void);

#endif
