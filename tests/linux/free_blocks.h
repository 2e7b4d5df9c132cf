/* SPDX-License-Identifier: MPL-2.0 */
/* Free memory by zone and order: from flags, and from /proc/buddyinfo. */
#ifndef TESTS_LINUX_FREE_BLOCKS_H
#define TESTS_LINUX_FREE_BLOCKS_H

#include <stdint.h>

#define BLOCK_ORDERS 11 /* on x86: pageblocks of 4 MiB are the largest blocks */
#define BLOCK_ZONES  3  /* DMA, DMA32, Normal */

struct free_blocks {
	uint64_t blocks[BLOCK_ZONES][BLOCK_ORDERS];
	uint64_t frames;
};

extern const char *const block_zone_names[BLOCK_ZONES];

void free_blocks_from_buddyinfo(const char *text, struct free_blocks *free);

/*
 * The allocator merges free buddies, so a run of free frames is in the largest aligned blocks that fit. Whether a frame is free:
 * bit BUDDY of its flags.
 */
void free_blocks_from_flags(const uint64_t *flags, uint64_t frames, struct free_blocks *free);

/* MemFree in frames. */
uint64_t free_frames_in_meminfo(const char *text);

#endif
