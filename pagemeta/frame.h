/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames with metadata: claim one by its address, share it, read its metadata. The other half, which gives references
 * back, is frame_put.h.
 *
 * A frame_t is a reference: whoever holds one may read the frame's metadata and must give it back
 * with frame_put exactly once. It may be copied only together with frame_get. Any CPU may call
 * anything here on a reference it holds, in an interrupt handler, too: nothing blocks, nothing allocates, nothing takes
 * a lock.
 */
#ifndef PAGEMETA_FRAME_H
#define PAGEMETA_FRAME_H

#include <stdbool.h>

#include <pagevisor/address.h>
#include <pagevisor/slot.h>

#include "debug.h"
#include "mapping.h"
#include "meta_type.h"
#include "slot.h"

typedef struct {
	struct meta_slot *slot; /* NULL: no frame */
} frame_t;

#define FRAME_NONE ((frame_t){NULL})

/* Why a frame could not be obtained by its address. */
enum frame_error {
	FRAME_OK,
	FRAME_UNUSED,       /* nobody owns it */
	FRAME_IN_USE,       /* claim: somebody owns it already */
	FRAME_BUSY,         /* being constructed or destructed right now */
	FRAME_UNIQUE,       /* has one owner that does not share */
	FRAME_HOST,         /* the host holds it */
	FRAME_OUT_OF_BOUND, /* no slot describes this address */
	FRAME_NOT_ALIGNED,  /* not the first address of a frame */
};

/*
 * End of the memory that has slots, in bytes; 0 before meta_init. Set once, before other CPUs run.
 */
extern uint64_t meta_max_paddr;

/* Whether a frame's address has a slot: FRAME_OK, FRAME_OUT_OF_BOUND or FRAME_NOT_ALIGNED. */
static inline enum frame_error frame_check_address(paddr_t frame)
{
	if (!is_aligned(frame.addr, PAGE_SIZE))
		return FRAME_NOT_ALIGNED;
	return frame.addr < meta_max_paddr ? FRAME_OK : FRAME_OUT_OF_BOUND;
}

/* Aborts when a handle is FRAME_NONE, or another empty one, where a frame is required. */
static inline void frame_expect(const struct meta_slot *slot)
{
	if (__builtin_expect(!slot, 0))
		platform_abort("an empty handle", paddr(0), 0);
}

/*
 * The same in a debug build only, for what is measured in instructions. Without it, an empty handle is an access of
 * address 48, which faults where page 0 is not mapped.
 */
static inline void frame_expect_debug(const struct meta_slot *slot)
{
	if (PAGEMETA_DEBUG)
		frame_expect(slot);
}

/* Aborts for FRAME_NONE, which has no address. */
static inline paddr_t frame_paddr(frame_t frame)
{
	frame_expect(frame.slot);
	return meta_to_frame(frame.slot);
}

/*
 * References to a frame at some moment; for a unique frame 1. Exact only if nobody else holds one.
 */
static inline uint32_t frame_references(frame_t frame)
{
	frame_expect_debug(frame.slot);

	uint32_t refs = slot_state_refs(slot_load(frame.slot));

	return refs == REF_UNIQUE ? 1 : refs;
}

static inline const struct meta_type *frame_type(frame_t frame)
{
	frame_expect_debug(frame.slot);
	return (const struct meta_type *)(uintptr_t)slot_word_load(&frame.slot->vtable_ptr);
}

/*
 * Copies metadata into a BUSY slot in whole words, each a relaxed atomic store. Always inlined: with a
 * constant size every word goes through a register.
 */
static inline __attribute__((always_inline)) void
slot_write_meta(struct meta_slot *slot, const struct meta_type *type, const void *meta, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)meta;

#pragma GCC unroll 6
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = size - at;

		__builtin_memcpy(&word, bytes + at, left < sizeof(word) ? left : sizeof(word));
		slot_word_store(&slot->storage[at / sizeof(word)], word);
	}
	slot_word_store(&slot->vtable_ptr, (uint64_t)(uintptr_t)type);
}

/*
 * Claims a slot with `size` bytes of initial metadata; refs is 1 or REF_UNIQUE. Returns REF_CLASS_UNUSED on success;
 * otherwise the class that was found, and nothing changed. Use frame_claim().
 */
static inline __attribute__((always_inline)) enum ref_class slot_claim(struct meta_slot *slot,
								       const struct meta_type *type,
								       const void *meta,
								       size_t size, uint32_t refs)
{
	uint64_t busy = 0;
	enum ref_class found = slot_claim_begin(slot, &busy);

	if (__builtin_expect(found != REF_CLASS_UNUSED, 0))
		return found;
	slot_write_meta(slot, type, meta, size);
	slot_publish_new(slot, busy, refs, TRACE_CLAIM);
	return REF_CLASS_UNUSED;
}

/*
 * frame_claim(type, address, meta, out): claims an unused frame that no allocator lists, by its address, as the type,
 * with *meta of struct type_meta. On FRAME_OK *out holds the first reference; on anything else nothing changed.
 */
#define frame_claim(type, address, meta, out)                                                      \
	frame_claim_result(META_COPIED(                                                            \
		type, meta, frame_claim_as((address), &meta_type_##type, &meta_copy_, 1, (out))))

/*
 * What frame_claim calls: *meta has the type's size, and bytes of it that no member covers are zero. refs is 1 or
 * REF_UNIQUE.
 */
META_MUST_USE enum frame_error frame_claim_as(paddr_t frame, const struct meta_type *type,
					      const void *meta, uint32_t refs, frame_t *out);

/* The result of a macro as that of a function, so that the compiler warns when it is dropped. */
META_MUST_USE static inline enum frame_error frame_claim_result(enum frame_error error)
{
	return error;
}

/* The error of a claim that found a slot in this class; aborts when the state is illegal. */
enum frame_error frame_claim_error(const struct meta_slot *slot, enum ref_class found);

/*
 * One more reference to whatever shared frame lies at an address, for callers that hold none. Fails
 * with FRAME_UNUSED, _BUSY, _UNIQUE, _HOST, _OUT_OF_BOUND or _NOT_ALIGNED, and then nothing
 * changed.
 */
META_MUST_USE enum frame_error frame_from_in_use(paddr_t frame, frame_t *out);

/* Another reference beside the given one. Aborts rather than let the count overflow. */
static inline frame_t frame_get(frame_t frame)
{
	frame_expect_debug(frame.slot);
	slot_get(frame.slot);
	return frame;
}

/* Aborts unless the frame is of the type; returns its metadata. Use frame_meta(). */
static inline void *frame_meta_checked(frame_t frame, const struct meta_type *type)
{
	frame_expect(frame.slot);
	if (__builtin_expect(frame_type(frame) != type, 0))
		slot_abort(frame.slot, "metadata accessed as another type", slot_load(frame.slot));
	return frame.slot->storage;
}

/*
 * The metadata of a frame that is known to be of a type: frame_meta(frame, anon) -> struct
 * anon_meta *.
 */
#define frame_meta(frame, type)                                                                    \
	((struct type##_meta *)frame_meta_checked((frame), &meta_type_##type))

#endif
