/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles: the kinds of reference to a frame, distinguished by the compiler.
 *
 *     frame_t          dynamic: one counted reference to a frame of any type (frame.h)
 *     anon_frame_t     typed: the same reference to a frame that is known to be of type anon
 *     frame_borrow_t   borrowed: a frame that somebody else keeps alive; not counted, never put
 *     paddr_t          raw: a counted reference on its way through something that holds addresses
 *
 * Typed handles of a type are declared beside it:
 *
 *     META_TYPE(anon);
 *     FRAME_HANDLE(anon);
 *
 * Conversions move a reference and never count; only _get and _put do. Any CPU may call anything
 * here on a handle it holds.
 */
#ifndef PAGEMETA_HANDLE_H
#define PAGEMETA_HANDLE_H

#include "frame_put.h"

/*
 * A borrowed frame: valid for as long as the lender keeps its reference. May be copied freely. The compiler refuses it
 * where a counted reference is required.
 */
typedef struct {
	const struct meta_slot *slot; /* NULL: no frame */
} frame_borrow_t;

#define FRAME_BORROW_NONE ((frame_borrow_t){NULL})

static inline frame_borrow_t frame_borrow(frame_t frame)
{
	return (frame_borrow_t){frame.slot};
}

static inline paddr_t frame_borrow_paddr(frame_borrow_t frame)
{
	frame_expect(frame.slot);
	return meta_to_frame(frame.slot);
}

static inline const struct meta_type *frame_borrow_type(frame_borrow_t frame)
{
	return frame_type((frame_t){(struct meta_slot *)frame.slot});
}

/*
 * Takes a counted reference to a borrowed frame. Aborts if the frame is not shared (a unique frame may be lent, too).
 */
static inline frame_t frame_borrow_get(frame_borrow_t frame)
{
	return frame_get((frame_t){(struct meta_slot *)frame.slot});
}

/*
 * The metadata of a borrowed frame that is known to be of a type, as frame_meta() but for reading:
 * frame_borrow_meta(borrow, anon) -> const struct anon_meta *. Aborts when it is of another type.
 */
#define frame_borrow_meta(frame, type)                                                             \
	((const struct type##_meta *)frame_meta_checked(                                           \
		(frame_t){(struct meta_slot *)(frame).slot}, &meta_type_##type))

/*
 * The metadata of a borrowed frame whose type is known only at run time, for reading: *size bytes, the size of its type
 * (frame_borrow_type). Aborts for FRAME_BORROW_NONE, and for a slot that does not point at a type.
 */
static inline const void *frame_borrow_meta_any(frame_borrow_t frame, size_t *size)
{
	frame_expect(frame.slot);

	uint64_t vtable = slot_word_load(&frame.slot->vtable_ptr);

	if (__builtin_expect(!meta_type_is_valid(vtable), 0))
		slot_abort(frame.slot, "metadata of a wild vtable pointer", slot_load(frame.slot));
	*size = ((const struct meta_type *)(uintptr_t)vtable)->size;
	return frame.slot->storage;
}

/*
 * Turns a reference into the frame's address. The reference stays counted and now belongs to whoever has the address,
 * until frame_from_raw takes it back, once.
 */
static inline paddr_t frame_into_raw(frame_t frame)
{
	return frame_paddr(frame);
}

/*
 * Back from frame_into_raw. Aborts if the address has no slot or its frame is not shared; it does not detect other
 * wrong addresses. For an address of unknown origin use frame_from_in_use.
 */
static inline frame_t frame_from_raw(paddr_t raw)
{
	if (frame_check_address(raw) != FRAME_OK)
		platform_abort("a raw frame whose address has no slot", raw, 0);

	struct meta_slot *slot = frame_to_meta(raw);
	uint64_t state = slot_word_load(&slot->state);

	if (ref_classify(slot_state_refs(state)) != REF_CLASS_SHARED)
		slot_abort(slot, "a raw frame that is not shared", state);
	return (frame_t){slot};
}

/*
 * Declares, at file scope, the typed handle of a metadata type:
 *
 *     anon_frame_t                       .any is the same reference as a frame_t
 *     bool anon_frame_from(frame, &out)  moves the reference into *out if the frame is of the type;
 *                                        else (or for FRAME_NONE) false: the reference stays with
 *                                        the caller and *out is not written
 *     struct anon_meta *anon_frame_meta(handle)
 *                                        its metadata; the type was checked when the handle was made
 *     anon_frame_t anon_frame_get(handle), bool anon_frame_put(handle)
 *                                        as frame_get and frame_put
 */
#define FRAME_HANDLE(type)                                                                         \
	typedef struct {                                                                           \
		frame_t any;                                                                       \
	} type##_frame_t;                                                                          \
                                                                                                   \
	static inline                                                                              \
		__attribute__((unused)) bool type##_frame_from(frame_t frame, type##_frame_t *out) \
	{                                                                                          \
		if (!frame.slot || frame_type(frame) != &meta_type_##type)                         \
			return false;                                                              \
		out->any = frame;                                                                  \
		return true;                                                                       \
	}                                                                                          \
                                                                                                   \
	static inline __attribute__((unused)) struct type##_meta *type##_frame_meta(               \
		type##_frame_t frame)                                                              \
	{                                                                                          \
		return (struct type##_meta *)frame.any.slot->storage;                              \
	}                                                                                          \
                                                                                                   \
	static inline __attribute__((unused))                                                      \
	type##_frame_t type##_frame_get(type##_frame_t frame)                                      \
	{                                                                                          \
		return (type##_frame_t){frame_get(frame.any)};                                     \
	}                                                                                          \
                                                                                                   \
	static inline __attribute__((unused)) bool type##_frame_put(type##_frame_t frame)          \
	{                                                                                          \
		return frame_put(frame.any);                                                       \
	}                                                                                          \
	ABI_ASSERT(sizeof(type##_frame_t) == sizeof(frame_t), #type ": a handle is one word")

#endif
