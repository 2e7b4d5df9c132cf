/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The end of frames: references go back, and with the last one the frame returns to the allocator.
 *
 * The life of a frame ends in this order: BUSY, its type's on_drop, the reset of the slot, the allocator. An on_drop
 * may put other frames: they wait in a queue of the CPU, so that a tree of any depth takes bounded stack.
 */
#ifndef PAGEMETA_FRAME_PUT_H
#define PAGEMETA_FRAME_PUT_H

#include "frame.h"
#include "frame_alloc.h"
#include "free_list.h"

/*
 * The end of every frame: resets the slot, whose state is `busy`, then releases the frame to the allocator. Writes the
 * tag while the slot is BUSY: after the reset the host may own the slot.
 */
static inline void frame_retire(struct meta_slot *slot, uint64_t busy)
{
	if (__builtin_expect(!frame_alloc_started, 0)) {
		slot_clear(slot, busy);
		return;
	}
	slot_word_store(&slot->vtable_ptr, FREE_TAG_CACHED);
	slot_reset(slot, busy);
	frame_alloc_release(slot);
}

/*
 * The type without on_drop that each CPU dropped last. The slot of a dropped frame has usually just missed the caches.
 * Comparing its vtable_ptr costs less than reading the type at that address: such a load waits for the miss, which
 * keeps the CPU from starting further ones.
 */
struct quiet_type {
	uint64_t vtable_ptr;
} __attribute__((aligned(SLOT_SIZE)));

extern struct quiet_type frame_quiet_types[PLATFORM_MAX_CPUS];

/* The type at `vtable_ptr`, of a frame that is dropped. Aborts if there is none, or a permanent one. */
const struct meta_type *frame_type_to_drop(const struct meta_slot *slot, uint64_t vtable_ptr);

/* The drop of a frame of any type; see frame_put.c. */
void frame_drop_any(struct meta_slot *slot, uint64_t vtable_ptr, uint64_t busy);

/*
 * Runs the on_drop of a type, which must have one, over a BUSY slot that stays with its owner. On return the drops that
 * the on_drop caused are complete, too, unless this was called from an on_drop.
 */
void frame_run_on_drop(struct meta_slot *slot, const struct meta_type *type);

/* Destroys a frame that nobody holds any more. Its slot is BUSY; `busy` is its state word. */
static inline void frame_drop(struct meta_slot *slot, uint64_t busy)
{
	if (in_forbidden_handler())
		slot_abort(slot, "the last reference put in an interrupt handler", busy);

	uint64_t vtable_ptr = slot_word_load(&slot->vtable_ptr);

	if (__builtin_expect(vtable_ptr == frame_quiet_types[platform_cpu()].vtable_ptr, 1))
		frame_retire(slot, busy);
	else
		frame_drop_any(slot, vtable_ptr, busy);
}

/*
 * Gives a reference back. With the last one the type's on_drop runs, the metadata is destroyed, the slot becomes UNUSED
 * and only then the allocator gets the frame. Returns whether it was the last; in an on_drop, and in an interrupt
 * handler, the drop may then still wait.
 */
static inline __attribute__((always_inline)) bool frame_put(frame_t frame)
{
	uint64_t busy;

	frame_expect_debug(frame.slot);
	if (!slot_put(frame.slot, &busy))
		return false;
	frame_drop(frame.slot, busy);
	return true;
}

#endif
