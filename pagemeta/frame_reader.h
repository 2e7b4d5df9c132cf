/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A bounded reader over one frame's bytes. It hands bytes out in order and cannot leave the frame.
 * The caller keeps the frame alive while it reads.
 */
#ifndef PAGEMETA_FRAME_READER_H
#define PAGEMETA_FRAME_READER_H

#include <stdint.h>

#include <pagevisor/address.h>

struct frame_reader {
	const uint8_t *next;
	uint64_t remaining;
};

static inline struct frame_reader frame_reader_over(const void *frame_bytes)
{
	return (struct frame_reader){.next = (const uint8_t *)frame_bytes, .remaining = PAGE_SIZE};
}

/* Copies up to `length` bytes into buffer and moves on. Returns how many there were. */
static inline uint64_t frame_reader_read(struct frame_reader *reader, void *buffer, uint64_t length)
{
	if (length > reader->remaining)
		length = reader->remaining;
	__builtin_memcpy(buffer, reader->next, length);
	reader->next += length;
	reader->remaining -= length;
	return length;
}

/* Skips up to `length` bytes. Returns how many there were. */
static inline uint64_t frame_reader_skip(struct frame_reader *reader, uint64_t length)
{
	if (length > reader->remaining)
		length = reader->remaining;
	reader->next += length;
	reader->remaining -= length;
	return length;
}

#endif
