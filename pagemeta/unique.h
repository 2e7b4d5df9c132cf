/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Unique frames: frames with one owner that does not share. The owner may change the metadata in place and give the
 * frame another type. Readers outside the guest notice, because each change has its own generation.
 *
 * A unique_frame_t is the ownership itself: never copied, and ended exactly once, by unique_drop, unique_share or
 * unique_into_raw. Whoever owns it may call anything here, from one CPU at a time; to hand it to another CPU, the owner
 * uses anything that releases and acquires. UNIQUE_NONE is no frame: everything here aborts for it, except
 * unique_borrow, which lends none.
 */
#ifndef PAGEMETA_UNIQUE_H
#define PAGEMETA_UNIQUE_H

#include "frame_put.h"
#include "handle.h"

typedef struct {
	struct meta_slot *slot; /* NULL: no frame */
} unique_frame_t;

#define UNIQUE_NONE ((unique_frame_t){NULL})

/*
 * A free frame of the allocator as the type, with *meta of struct type_meta. UNIQUE_NONE when no
 * memory is free.
 */
#define unique_alloc(type, meta)                                                                   \
	unique_alloc_result(META_COPIED(type, meta,                                                \
					frame_alloc_claim(&meta_type_##type, &meta_copy_,          \
							  sizeof(meta_copy_), REF_UNIQUE)))

/* The same with bytes that are zero, as frame_alloc_zeroed. */
#define unique_alloc_zeroed(type, meta)                                                            \
	unique_alloc_result(META_COPIED(type, meta,                                                \
					frame_alloc_claim_zeroed(&meta_type_##type, &meta_copy_,   \
								 sizeof(meta_copy_), REF_UNIQUE)))

META_MUST_USE static inline unique_frame_t unique_alloc_result(frame_t frame)
{
	return (unique_frame_t){frame.slot};
}

/*
 * unique_claim(type, address, meta, out): as frame_claim, with the same errors. Claims an unused frame that no
 * allocator lists, by its address.
 */
#define unique_claim(type, address, meta, out)                                                     \
	frame_claim_result(META_COPIED(                                                            \
		type, meta, unique_claim_as((address), &meta_type_##type, &meta_copy_, (out))))

/* What unique_claim calls: *meta has the type's size, and bytes of it that no member covers are zero. */
META_MUST_USE enum frame_error unique_claim_as(paddr_t frame, const struct meta_type *type,
					       const void *meta, unique_frame_t *out);

/* Gives the frame up: as the last frame_put, on_drop included. */
void unique_drop(unique_frame_t frame);

/*
 * Ends the frame's life without a drop: on_drop does not run, so whatever the metadata refers to is the caller's to
 * release, before or after. The frame does not go to the allocator. Returns its address: it is UNUSED and belongs to
 * the caller, as a run of one from frame_alloc_take does. The caller may claim it by that address, as any type, or let
 * go of it: with frame_alloc_give if the allocator manages it, with frame_alloc_add if not. The host may claim it
 * first, as it may any unused frame: a claim then fails with FRAME_HOST, and frame_alloc_put_aside takes it back.
 */
META_MUST_USE paddr_t unique_reset(unique_frame_t frame);

/* Always succeeds: the owner becomes the first of possibly many holders, and the frame is a frame_t. */
META_MUST_USE frame_t unique_share(unique_frame_t frame);

/*
 * The way back, for a holder whose reference is the only one: it moves into *out. False when there
 * are others; then nothing changed and the caller still has its reference.
 */
META_MUST_USE bool unique_from_shared(frame_t frame, unique_frame_t *out);

/* Ownership as an address and back, as frame_into_raw. _from_raw aborts unless the frame is unique. */
META_MUST_USE paddr_t unique_into_raw(unique_frame_t frame);
META_MUST_USE unique_frame_t unique_from_raw(paddr_t raw);

/* For reading; valid until the owner changes, shares or drops the frame. */
static inline frame_borrow_t unique_borrow(unique_frame_t frame)
{
	return (frame_borrow_t){frame.slot};
}

static inline paddr_t unique_paddr(unique_frame_t frame)
{
	frame_expect(frame.slot);
	return meta_to_frame(frame.slot);
}

static inline const struct meta_type *unique_type(unique_frame_t frame)
{
	frame_expect(frame.slot);
	return frame_borrow_type(unique_borrow(frame));
}

/*
 * The metadata for reading: unique_meta(frame, anon) -> const struct anon_meta *. Aborts when the frame is
 * of another type. To write it use unique_set or unique_change.
 */
#define unique_meta(frame, type) frame_borrow_meta(unique_borrow(frame), type)

/* The metadata of a type known only at run time, for reading, as frame_borrow_meta_any. */
static inline const void *unique_meta_any(unique_frame_t frame, size_t *size)
{
	return frame_borrow_meta_any(unique_borrow(frame), size);
}

/*
 * Changes in place. Between unique_begin and unique_end the slot is BUSY with a new generation:
 * a reader outside sees all changes of the bracket or none. Brackets do not nest, and a frame inside
 * one can't be shared, dropped or replaced: all of that aborts.
 *
 *     unique_begin(frame);
 *     unique_set(frame, anon, count, unique_meta(frame, anon)->count + 1);
 *     unique_set(frame, anon, cpu, cpu);
 *     unique_end(frame);
 */
static inline void unique_begin(unique_frame_t frame)
{
	frame_expect(frame.slot);
	slot_change_begin(frame.slot);
}

static inline void unique_end(unique_frame_t frame)
{
	frame_expect(frame.slot);

	uint64_t state = slot_word_load(&frame.slot->state);

	if (__builtin_expect(slot_state_refs(state) != REF_BUSY, 0))
		slot_abort(frame.slot, "end of a change that was not begun", state);
	slot_publish(frame.slot, state, REF_UNIQUE);
}

/*
 * Writes `size` bytes at an offset of the metadata, in whole words. Aborts outside of a bracket. Use unique_set() or
 * unique_write_any(), which check the range.
 */
static inline __attribute__((always_inline)) void
unique_write_bytes(unique_frame_t frame, size_t offset, const void *value, size_t size)
{
	uint64_t state = slot_word_load(&frame.slot->state);
	const uint8_t *bytes = (const uint8_t *)value;

	if (__builtin_expect(slot_state_refs(state) != REF_BUSY, 0))
		slot_abort(frame.slot, "metadata written outside of begin and end", state);
	while (size > 0) {
		uint64_t *target = &frame.slot->storage[offset / sizeof(uint64_t)];
		size_t in_word = offset % sizeof(uint64_t);
		size_t length = sizeof(uint64_t) - in_word;
		uint64_t word = slot_word_load(target);

		if (length > size)
			length = size;
		__builtin_memcpy((uint8_t *)&word + in_word, bytes, length);
		slot_word_store(target, word);
		bytes += length;
		offset += length;
		size -= length;
	}
}

/* The same; aborts when the frame is of another type. */
static inline __attribute__((always_inline)) void unique_write(unique_frame_t frame,
							       const struct meta_type *type,
							       size_t offset, const void *value,
							       size_t size)
{
	(void)frame_meta_checked((frame_t){frame.slot}, type);
	unique_write_bytes(frame, offset, value, size);
}

/* Stores a value into a member of struct type_meta (no bit-field, no array), inside a bracket. */
#define unique_set(frame, type, member, value)                                                     \
	do {                                                                                       \
		__typeof__(((struct type##_meta *)0)->member) unique_value_ = (value);             \
                                                                                                   \
		meta_clear_padding(&unique_value_);                                                \
		unique_write((frame), &meta_type_##type, offsetof(struct type##_meta, member),     \
			     &unique_value_, sizeof(unique_value_));                               \
	} while (0)

/*
 * Writes metadata of a type known only at run time: `size` bytes at an offset, inside a bracket. False, and nothing
 * changed, unless they lie within the size of the frame's type; no bytes at any offset up to it are fine. The bytes are
 * written as they are, also where no member covers them. Aborts outside of a bracket.
 */
META_MUST_USE bool unique_write_any(unique_frame_t frame, size_t offset, const void *bytes,
				    size_t size);

/* unique_change(frame, type, meta): replaces all metadata but keeps the type, in a bracket of its own. */
#define unique_change(frame, type, meta)                                                           \
	META_COPIED(type, meta,                                                                    \
		    unique_change_to((frame), &meta_type_##type, &meta_copy_, sizeof(meta_copy_)))

/* What unique_change calls. Aborts when the frame is of another type. */
static inline __attribute__((always_inline)) void
unique_change_to(unique_frame_t frame, const struct meta_type *type, const void *meta, size_t size)
{
	(void)frame_meta_checked((frame_t){frame.slot}, type);

	uint64_t busy = slot_change_begin(frame.slot);

	slot_write_meta(frame.slot, type, meta, size);
	slot_publish(frame.slot, busy, REF_UNIQUE);
}

/*
 * unique_replace(frame, type, meta): ends the frame's life as one type and begins another, without the allocator: the
 * old type's on_drop runs first, along with the drops that it causes; then the new metadata is written. Always
 * succeeds.
 */
#define unique_replace(frame, type, meta)                                                          \
	META_COPIED(type, meta, unique_replace_as((frame), &meta_type_##type, &meta_copy_))

/*
 * What unique_replace calls: *meta has the new type's size, does not lie in the slot, and bytes of it that no member
 * covers are zero.
 */
void unique_replace_as(unique_frame_t frame, const struct meta_type *type, const void *meta);

#endif
