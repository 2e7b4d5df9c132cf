/* SPDX-License-Identifier: MPL-2.0 */
/* An allocator with a few blocks of frames, and what the keeper of their memory does: for the suites of what is put aside. */
#ifndef TESTS_UNIT_HOST_FRAMES_H
#define TESTS_UNIT_HOST_FRAMES_H

#include "pagemeta/frame_pool.h"
#include "unit/fixture.h"

#define FIRST  (8 * MIB / PAGE_SIZE) /* the frames that the allocator manages */
#define BLOCKS 4
#define FRAMES (BLOCKS * FRESH_FRAMES)
#define BLOCK  (FIRST + FRESH_FRAMES) /* one of the four, not the first */

/* Check fixture; machine_destroy ends it. */
void host_frames_setup(void);

static inline struct meta_slot *slot_of(uint64_t frame)
{
	return pfn_to_meta(pfn(frame));
}

struct frame_alloc_stats read_stats(void);

/* The host takes frames, and lets go of them: a run's first frame last, as the protocol has it. Says nothing. */
void host_take(uint64_t first, uint64_t count);
void host_let_go(uint64_t first, uint64_t count);

/* The keeper's words, of one writer: a hint at a block of 2^order frames; a batch has been released. */
void host_hint(uint64_t frame, unsigned order);
void host_release_batch(void);

/* Frames that the tests hold. False when there was none. */
bool take_one(void);
void take_all(void);
void put_all(void);
extern unsigned held_count;

#endif
