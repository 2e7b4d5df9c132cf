/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading a slot from outside the guest while the guest changes it.
 *
 * Level 1, slot_read_state: one 64-bit load. Reference count and generation belong together.
 *
 * Level 2, slot_read: a consistent copy of one slot. It promises one incarnation of the frame, and one moment for all
 * fields that are constant while the frame is shared. Its partner is the protocol in pagemeta/slot.h; the acquire load
 * pairs with the publishing store, the fence with the fences behind claim, change and last put. The generation is 32
 * bits wide, so a read that takes more than SLOT_READ_TIME_MAX_NS proves nothing: the caller of slot_read bounds the
 * time, over one read or over many.
 */
#ifndef VMM_SLOT_READER_H
#define VMM_SLOT_READER_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "base/clock.h"
#include "kind/read_counters.h"

#define SLOT_READ_TIME_MAX_NS NS_PER_S
#define SLOT_READ_TRIES       64

struct slot_copy {
	uint64_t state;
	uint64_t vtable_ptr;
	uint64_t storage[SLOT_STORAGE_WORDS];
};

enum slot_read_result {
	SLOT_READ_OK,
	SLOT_READ_NOT_IN_USE, /* copy->state says what it was instead; the rest is not set */
	SLOT_READ_UNSTABLE,
};

static inline uint64_t slot_read_state(const struct meta_slot *slot)
{
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

static inline void slot_copy_words(const struct meta_slot *slot, struct slot_copy *copy)
{
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		copy->storage[i] = __atomic_load_n(&slot->storage[i], __ATOMIC_RELAXED);
	copy->vtable_ptr = __atomic_load_n(&slot->vtable_ptr, __ATOMIC_RELAXED);
}

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer does not model fences, and needs none here: every word is accessed atomically. */
#define slot_read_fence() ((void)0)
#define SLOT_READ_AGAIN   __ATOMIC_ACQUIRE
#else
#define slot_read_fence() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define SLOT_READ_AGAIN   __ATOMIC_RELAXED
#endif

static inline uint64_t slot_read_state_again(const struct meta_slot *slot)
{
	slot_read_fence();
	return __atomic_load_n(&slot->state, SLOT_READ_AGAIN);
}

static inline enum slot_read_result slot_read(const struct meta_slot *slot, struct slot_copy *copy,
					      struct read_counters *counters)
{
	for (unsigned tries = 0; tries < SLOT_READ_TRIES; tries++) {
		copy->state = slot_read_state(slot);
		if (!ref_in_use(slot_state_refs(copy->state)))
			return SLOT_READ_NOT_IN_USE;
		slot_copy_words(slot, copy);

		uint64_t after = slot_read_state_again(slot);

		if (slot_state_generation(after) == slot_state_generation(copy->state) &&
		    ref_in_use(slot_state_refs(after))) {
			counters->copies++;
			return SLOT_READ_OK;
		}
		counters->retries++;
	}
	counters->unstable++;
	return SLOT_READ_UNSTABLE;
}

#endif
