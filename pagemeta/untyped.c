/* SPDX-License-Identifier: MPL-2.0 */
/* Untyped frames: see untyped.h. */
#include "untyped.h"

#define WORD sizeof(uint64_t)

/*
 * Size of the next access: a word on a word boundary if `length` allows, otherwise a byte. The frame's side decides:
 * frames are aligned, buffers may be anywhere.
 */
static uint64_t step_at(const uint8_t *frame, uint64_t length)
{
	return length >= WORD && is_aligned((uintptr_t)frame, WORD) ? WORD : 1;
}

static void copy_out(uint8_t *buffer, const uint8_t *frame, uint64_t length)
{
	while (length > 0) {
		uint64_t step = step_at(frame, length);

		if (step == WORD) {
			uint64_t word = __atomic_load_n((const uint64_t *)frame, __ATOMIC_RELAXED);

			__builtin_memcpy(buffer, &word, sizeof(word));
		} else {
			*buffer = __atomic_load_n(frame, __ATOMIC_RELAXED);
		}
		buffer += step;
		frame += step;
		length -= step;
	}
}

static void copy_in(uint8_t *frame, const uint8_t *buffer, uint64_t length)
{
	while (length > 0) {
		uint64_t step = step_at(frame, length);

		if (step == WORD) {
			uint64_t word;

			__builtin_memcpy(&word, buffer, sizeof(word));
			__atomic_store_n((uint64_t *)frame, word, __ATOMIC_RELAXED);
		} else {
			__atomic_store_n(frame, *buffer, __ATOMIC_RELAXED);
		}
		buffer += step;
		frame += step;
		length -= step;
	}
}

static void fill(uint8_t *frame, uint8_t value, uint64_t length)
{
	const uint64_t word = value * UINT64_C(0x0101010101010101);

	while (length > 0) {
		uint64_t step = step_at(frame, length);

		if (step == WORD)
			__atomic_store_n((uint64_t *)frame, word, __ATOMIC_RELAXED);
		else
			__atomic_store_n(frame, value, __ATOMIC_RELAXED);
		frame += step;
		length -= step;
	}
}

/* Whether the range lies in `size` bytes; computes no sum that could wrap. */
static bool in_range(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

static uint8_t *bytes_at(frame_borrow_t frame, uint64_t offset)
{
	return (uint8_t *)platform_phys_to_virt(frame_borrow_paddr(frame)) + offset;
}

static enum untyped_error check(frame_borrow_t frame, uint64_t offset, uint64_t length)
{
	frame_expect(frame.slot);
	if (!frame_borrow_type(frame)->is_untyped)
		return UNTYPED_IS_TYPED;
	return in_range(offset, length, PAGE_SIZE) ? UNTYPED_OK : UNTYPED_OUT_OF_RANGE;
}

enum untyped_error untyped_read(frame_borrow_t frame, uint64_t offset, void *buffer,
				uint64_t length)
{
	enum untyped_error error = check(frame, offset, length);

	if (error == UNTYPED_OK)
		copy_out(buffer, bytes_at(frame, offset), length);
	return error;
}

enum untyped_error untyped_write(frame_borrow_t frame, uint64_t offset, const void *buffer,
				 uint64_t length)
{
	enum untyped_error error = check(frame, offset, length);

	if (error == UNTYPED_OK)
		copy_in(bytes_at(frame, offset), buffer, length);
	return error;
}

enum untyped_error untyped_fill(frame_borrow_t frame, uint64_t offset, uint8_t value,
				uint64_t length)
{
	enum untyped_error error = check(frame, offset, length);

	if (error == UNTYPED_OK)
		fill(bytes_at(frame, offset), value, length);
	return error;
}

/* The frames of a segment lie side by side in the linear mapping: one copy serves all. */
static enum untyped_error check_segment(const struct segment *segment, uint64_t offset,
					uint64_t length)
{
	segment_for_each (frame, segment) {
		if (!frame_borrow_type(frame)->is_untyped)
			return UNTYPED_IS_TYPED;
	}
	return in_range(offset, length, segment_bytes(segment)) ? UNTYPED_OK : UNTYPED_OUT_OF_RANGE;
}

enum untyped_error untyped_segment_read(const struct segment *segment, uint64_t offset,
					void *buffer, uint64_t length)
{
	enum untyped_error error = check_segment(segment, offset, length);

	if (error == UNTYPED_OK && length > 0)
		copy_out(buffer, bytes_at(segment_frame(segment, 0), offset), length);
	return error;
}

enum untyped_error untyped_segment_write(const struct segment *segment, uint64_t offset,
					 const void *buffer, uint64_t length)
{
	enum untyped_error error = check_segment(segment, offset, length);

	if (error == UNTYPED_OK && length > 0)
		copy_in(bytes_at(segment_frame(segment, 0), offset), buffer, length);
	return error;
}
