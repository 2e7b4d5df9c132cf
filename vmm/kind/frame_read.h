/* SPDX-License-Identifier: MPL-2.0 */
/* Reads frames of a guest at rest, a range at a time, to compare two guests side by side. */
#ifndef VMM_FRAME_READ_H
#define VMM_FRAME_READ_H

#include "kind/guest.h"

#define FRAMES_NONE UINT64_MAX

/*
 * Finds a frame's record and the number of contiguous records from there on, this one included. Returns false if the
 * frame has no record.
 */
bool record_find(const struct guest *guest, uint64_t frame, paddr_t *pa, uint64_t *count);

/*
 * Splits `count` records from pa on: how many lie in a hole that begins there, and how many in the data after it; at
 * least one in all. Returns 0; -EFAULT if they are not in memory; or the error of a source that copies.
 */
int records_find_written(const struct guest *guest, paddr_t pa, uint64_t count, uint64_t *holes,
			 uint64_t *written);

/* The first frame from `first` on whose record the guest may have written; FRAMES_NONE if there is none. */
uint64_t frame_next_written(const struct guest *guest, uint64_t first);

/*
 * Reads frames [first, first + count), `count` up to RECORD_CHUNK, with their types. Frames that the guest never wrote
 * or does not have are FRAME_NEVER_WRITTEN. Touches no hole. Returns 0, -ENOMEM, or the error of reading.
 */
int frames_read(const struct guest *guest, uint64_t first, uint64_t count, struct frame *frames);

#endif
