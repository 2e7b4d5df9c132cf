/* SPDX-License-Identifier: MPL-2.0 */
/* Takes the bytes of frames away, and gives them new ones: in runs, since a call costs much more than a page. */
#ifndef VMM_PUNCH_H
#define VMM_PUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/guest_memory.h"

/* Frames [start, end), next to each other in the guest's memory. */
struct frame_run {
	uint64_t start;
	uint64_t end;
};

/*
 * The run at the start of `count` frame numbers, which rise or fall by one within it. Sets *length to how many they
 * are.
 */
struct frame_run frame_run_first(const uint64_t *frames, unsigned count, unsigned *length);

/*
 * Makes a hole of a run that lies in the region, whose file stays open and mapped: the guest reads zeros from then
 * on. Returns 0 or a negative errno.
 */
int punch_run(const struct memory_region *region, struct frame_run run);

/*
 * Allocates the pages of a run, all zero, so that the guest's first touch finds them. Returns 0 or a negative
 * errno: -ENOMEM when the host has none left, of which a touch would kill the process.
 */
int populate_run(const struct memory_region *region, struct frame_run run);

#endif
