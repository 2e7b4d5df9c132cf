/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The host's two transitions of a slot, L and M of pagemeta/slot.h. To the host the word is hostile, so nothing
 * that it holds is an error, and no call tries more than once: a guest that turns the generation could keep it
 * trying for ever.
 */
#ifndef VMM_HOST_SLOT_H
#define VMM_HOST_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/slot.h>

/* The state as it is now. Acquire, as slot_load. */
static inline uint64_t host_slot_state(const struct meta_slot *slot)
{
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

/*
 * {g, UNUSED} -> {g+1, HOST}, if the state still is `unused`. L, acq_rel: what the last owner did to slot and frame
 * happened before, and who sees this claim sees the releases before it. Otherwise changes nothing, and returns false.
 */
static inline bool host_slot_claim(struct meta_slot *slot, uint64_t unused)
{
	return __atomic_compare_exchange_n(&slot->state, &unused,
					   slot_state(slot_state_generation(unused) + 1, REF_HOST),
					   false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/*
 * {g, HOST} -> {g, UNUSED}. M, release: the frame has been punched before anyone can claim it. Otherwise changes
 * nothing, and returns false: the guest has taken it back.
 */
static inline bool host_slot_release(struct meta_slot *slot)
{
	uint64_t old = __atomic_load_n(&slot->state, __ATOMIC_RELAXED);

	return slot_state_refs(old) == REF_HOST &&
	       __atomic_compare_exchange_n(&slot->state, &old,
					   slot_state(slot_state_generation(old), REF_UNUSED),
					   false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

#endif
