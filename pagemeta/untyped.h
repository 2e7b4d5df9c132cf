/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Untyped frames: those whose bytes mean nothing to the kernel, so that user programs, devices and
 * the host may read and write them at any time.
 *
 * A metadata type says so with .is_untyped = true. Everything else is typed (page tables, kernel objects), and these
 * functions refuse it. Copies move whole words where these lie in the range, and single bytes at its ends. Each access
 * is relaxed atomic: a concurrent writer is no data race, and a copy may mix old and new words but contains no torn
 * one. The functions order nothing.
 *
 * The frame is lent: by frame_borrow, unique_borrow or segment_frame; FRAME_BORROW_NONE aborts. The buffer is the
 * caller's own.
 */
#ifndef PAGEMETA_UNTYPED_H
#define PAGEMETA_UNTYPED_H

#include "handle.h"
#include "segment.h"

enum untyped_error {
	UNTYPED_OK,
	UNTYPED_IS_TYPED,     /* the frame, or one of the segment, is not untyped */
	UNTYPED_OUT_OF_RANGE, /* the range does not lie within the frame or the segment */
};

/*
 * Copies `length` bytes at `offset` of a frame into the buffer, or the other way. All of them, or
 * an error and none: neither frame nor buffer has changed. A length of 0 at any offset up to
 * PAGE_SIZE is fine.
 */
META_MUST_USE enum untyped_error untyped_read(frame_borrow_t frame, uint64_t offset, void *buffer,
					      uint64_t length);
META_MUST_USE enum untyped_error untyped_write(frame_borrow_t frame, uint64_t offset,
					       const void *buffer, uint64_t length);

/* Sets `length` bytes at `offset` to one value. */
META_MUST_USE enum untyped_error untyped_fill(frame_borrow_t frame, uint64_t offset, uint8_t value,
					      uint64_t length);

/* The same over a segment: `offset` counts from its first byte. An empty one has 0 bytes, and is of no type. */
META_MUST_USE enum untyped_error
untyped_segment_read(const struct segment *segment, uint64_t offset, void *buffer, uint64_t length);
META_MUST_USE enum untyped_error untyped_segment_write(const struct segment *segment,
						       uint64_t offset, const void *buffer,
						       uint64_t length);

#endif
