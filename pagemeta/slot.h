/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The state protocol of a metadata slot: every transition, and every memory order with its reason.
 *
 *   operation            {generation, refs} before -> after        order
 *   slot_claim_begin     {g, UNUSED} -> {g+1, BUSY}                 A acquire, B release fence
 *   slot_publish         {g, BUSY} -> {g, 1} or {g, UNIQUE}         C release
 *   slot_get             {g, n} -> {g, n+1}                         D relaxed
 *   slot_try_get         {g, n} -> {g, n+1}, else an error          E acquire
 *   slot_put             {g, n} -> {g, n-1}; the last: {g, BUSY}    F release, G acq_rel fence
 *   slot_reset           {g, BUSY} -> {g, UNUSED}                   H release
 *   slot_change_begin    {g, UNIQUE} -> {g+1, BUSY}                 I release fence
 *   slot_unique_drop     {g, UNIQUE} -> {g, BUSY}                   G acq_rel fence
 *   slot_share           {g, UNIQUE} -> {g, 1}                      J release
 *   slot_unshare         {g, 1} -> {g, UNIQUE}                      K acquire
 *   slot_host_claim      {g, UNUSED} -> {g+1, HOST}                 L acq_rel
 *   slot_host_release    {g, HOST} -> {g, UNUSED}                   M release
 *
 * unique_reset (unique.h) ends without a drop: slot_unique_drop, then slot_reset.
 *
 * Partners and reasons. "Reader" is the reader outside the guest (vmm/kind/pagevisor/slot_reader.h): it
 * loads the state (acquire), copies the slot (relaxed), passes an acquire fence and loads the state
 * again.
 *
 *   A, L  synchronise with H and M: what the last owner did to slot and frame happened before.
 *   B, I  pair with the reader's fence: a reader that saw one word of the new metadata sees, at its
 *         second load, the BUSY state or a later one, and rejects its copy.
 *   C     pairs with the reader's first load and with E: whoever sees the frame in use sees its metadata.
 *   D     a holder's own reference keeps the frame alive; nothing is published through the count.
 *   E     pairs with C and J: the metadata is visible to whoever got a reference from the bare address.
 *   F     what a holder did with the frame happens before it is dropped by somebody else.
 *   G     acquire half: pairs with F of all other holders. Release half: pairs with the reader's fence,
 *         as B does, for what on_drop and the reset write.
 *         L's release half pairs with a claimer in the guest that reads the states of many slots
 *         (frame_block_is_host): it sees what the host released before this claim as released.
 *   H, M  pair with A and L: the slot is reset before anyone can claim it.
 *   J     as C: changes made while unique are visible to whoever shares the frame.
 *   K     pairs with F: what former holders did is visible to the new unique owner.
 *
 * On x86 the fences cost nothing and every release store is a plain store. Words of the slot are accessed atomically
 * (relaxed) throughout, so the outside reader causes no data race. ThreadSanitizer does not know fences: in its build,
 * the read-modify-write beside a fence of A..G is strengthened instead.
 *
 * One 64-bit word holds both count and generation: no operation can move one without seeing the
 * other, and the generation, in the low half, never carries into the count.
 */
#ifndef PAGEMETA_SLOT_H
#define PAGEMETA_SLOT_H

#include <stdbool.h>

#include <pagevisor/slot.h>

#include "abort.h"
#include "trace_hook.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define slot_fence(order)  ((void)0)
#define SLOT_FENCED(order) __ATOMIC_ACQ_REL
#else
#define slot_fence(order)  __atomic_thread_fence(order)
#define SLOT_FENCED(order) (order)
#endif

/* The state word as it is now; acquire, so that what it describes may be read after it. */
static inline uint64_t slot_load(const struct meta_slot *slot)
{
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

static inline uint64_t slot_word_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void slot_word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t slot_next_generation(uint64_t state, uint32_t refs)
{
	return slot_state(slot_state_generation(state) + 1, refs);
}

/*
 * An operation that makes a slot BUSY hands the new state word to the slot's only writer, in *busy or as its result.
 * The operation that ends BUSY takes that word back. The writer could load it again, but a load right behind a locked
 * operation waits until that has drained the store buffer: a third of the cost of a claim and a put on Intel.
 */

/*
 * Takes an unused slot: on success it is BUSY with a new generation, the caller is its only writer
 * and must end with slot_publish or slot_reset. Otherwise nothing changed, and *busy is undefined. Returns
 * REF_CLASS_UNUSED on success, else the class that was found.
 */
static inline enum ref_class slot_claim_begin(struct meta_slot *slot, uint64_t *busy)
{
	uint64_t old = slot_word_load(&slot->state);

	do {
		if (slot_state_refs(old) != REF_UNUSED)
			return ref_classify(slot_state_refs(old));
		*busy = slot_next_generation(old, REF_BUSY);
	} while (!__atomic_compare_exchange_n(&slot->state, &old, *busy, true,
					      SLOT_FENCED(__ATOMIC_ACQUIRE), __ATOMIC_RELAXED));
	slot_fence(__ATOMIC_RELEASE);
	return REF_CLASS_UNUSED;
}

/*
 * Ends BUSY: the slot is complete. `refs` is 1 or REF_UNIQUE. Only the slot's one writer may call
 * it.
 */
static inline void slot_publish(struct meta_slot *slot, uint64_t busy, uint32_t refs)
{
	__atomic_store_n(&slot->state, slot_state(slot_state_generation(busy), refs),
			 __ATOMIC_RELEASE);
}

/*
 * As slot_publish, for a frame that begins a new life: traces a claim or a replacement. The entry is written before
 * anyone else can change the slot, so it is older than theirs.
 */
static inline void slot_publish_new(struct meta_slot *slot, uint64_t busy, uint32_t refs,
				    enum trace_operation operation)
{
	trace_event(operation, slot, slot_state_generation(busy), slot_state(0, refs));
	slot_publish(slot, busy, refs);
}

/* One more reference, for a holder. Aborts if the count is impossible or full. */
static inline void slot_get(struct meta_slot *slot)
{
	uint64_t old = __atomic_fetch_add(&slot->state, SLOT_REF_ONE, __ATOMIC_RELAXED);

	/* 1 <= refs < REF_MAX_HELD in one comparison: zero wraps around. */
	if (__builtin_expect(slot_state_refs(old) - 1 >= REF_MAX_HELD - 1, 0))
		slot_abort(slot, "get of a frame that is not shared, or too many references", old);
	trace_event(TRACE_GET, slot, old, SLOT_REF_ONE);
}

/*
 * One more reference, for a caller that has only the address. Takes it if the frame is shared and returns
 * REF_CLASS_SHARED; otherwise changes nothing and returns the class that was found.
 */
static inline enum ref_class slot_try_get(struct meta_slot *slot)
{
	uint64_t old = slot_word_load(&slot->state);

	do {
		enum ref_class found = ref_classify(slot_state_refs(old));

		if (found == REF_CLASS_ILLEGAL)
			slot_abort(slot, "get by address found an illegal state", old);
		if (found != REF_CLASS_SHARED)
			return found;
		if (slot_state_refs(old) == REF_MAX_HELD)
			slot_abort(slot, "get by address of a frame with too many references", old);
	} while (!__atomic_compare_exchange_n(&slot->state, &old, old + SLOT_REF_ONE, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	trace_event(TRACE_GET_ADDRESS, slot, old, SLOT_REF_ONE);
	return REF_CLASS_SHARED;
}

/*
 * Gives one reference back. Returns true if it was the last: the slot is BUSY, the caller is its
 * only writer and must destroy the metadata and end with slot_reset. Otherwise *busy is undefined. Aborts on a put too
 * many.
 */
static inline bool slot_put(struct meta_slot *slot, uint64_t *busy)
{
	uint64_t old =
		__atomic_fetch_sub(&slot->state, SLOT_REF_ONE, SLOT_FENCED(__ATOMIC_RELEASE));

	/* 2 <= refs <= REF_MAX_HELD. One comparison, and no jump: either costs a fifth of a get and a put on Intel. */
	if (__builtin_expect(slot_state_refs(old) - 2 < REF_MAX_HELD - 1, 1)) {
		trace_event(TRACE_PUT, slot, old, -SLOT_REF_ONE);
		return false;
	}
	if (__builtin_expect(slot_state_refs(old) != 1, 0))
		slot_abort(slot, "put of a frame that is not shared", old);
	slot_fence(__ATOMIC_ACQ_REL);
	trace_event(TRACE_DROP, slot, old, -SLOT_REF_ONE);
	*busy = old - SLOT_REF_ONE;
	return true;
}

/* Ends BUSY: nobody owns the slot any more. From here on anyone may claim it. */
static inline void slot_reset(struct meta_slot *slot, uint64_t busy)
{
	__atomic_store_n(&slot->state, slot_state(slot_state_generation(busy), REF_UNUSED),
			 __ATOMIC_RELEASE);
}

/*
 * As slot_reset, for a frame that goes to no allocator: nobody has it, or the caller keeps it. The type goes while the
 * slot is BUSY: no reader takes a slot without a type for one in use, and after the reset the host may own the slot.
 */
static inline void slot_clear(struct meta_slot *slot, uint64_t busy)
{
	slot_word_store(&slot->vtable_ptr, 0);
	slot_reset(slot, busy);
}

/* The unique owner's check: aborts unless the slot is UNIQUE. Returns its state. */
static inline uint64_t slot_expect_unique(struct meta_slot *slot, const char *what)
{
	uint64_t state = slot_word_load(&slot->state);

	if (__builtin_expect(slot_state_refs(state) != REF_UNIQUE, 0))
		slot_abort(slot, what, state);
	return state;
}

/*
 * The unique owner is about to write its metadata: BUSY with a new generation, to be ended by
 * slot_publish(slot, busy, REF_UNIQUE). Returns the state word.
 */
static inline uint64_t slot_change_begin(struct meta_slot *slot)
{
	uint64_t state = slot_expect_unique(slot, "change of a frame that is not unique");
	uint64_t busy = slot_next_generation(state, REF_BUSY);

	__atomic_store_n(&slot->state, busy, __ATOMIC_RELAXED);
	slot_fence(__ATOMIC_RELEASE);
	return busy;
}

/* The unique owner lets go; the slot is then as after the last slot_put. Returns the state word. */
static inline uint64_t slot_unique_drop(struct meta_slot *slot)
{
	uint64_t state = slot_expect_unique(slot, "unique drop of a frame that is not unique");
	uint64_t busy = slot_state(slot_state_generation(state), REF_BUSY);

	__atomic_store_n(&slot->state, busy, __ATOMIC_RELAXED);
	slot_fence(__ATOMIC_ACQ_REL);
	trace_event(TRACE_DROP, slot, state, -slot_state(0, REF_UNIQUE));
	return busy;
}

/* The unique owner becomes the first of possibly many holders. */
static inline void slot_share(struct meta_slot *slot)
{
	uint64_t state = slot_expect_unique(slot, "share of a frame that is not unique");

	__atomic_store_n(&slot->state, slot_state(slot_state_generation(state), 1),
			 __ATOMIC_RELEASE);
	trace_event(TRACE_SHARE, slot, state, slot_state(0, 1) - slot_state(0, REF_UNIQUE));
}

/* A holder becomes the unique owner if its reference is the only one; else nothing changes. */
static inline bool slot_unshare(struct meta_slot *slot)
{
	uint64_t old = slot_word_load(&slot->state);

	if (slot_state_refs(old) != 1 ||
	    !__atomic_compare_exchange_n(&slot->state, &old,
					 slot_state(slot_state_generation(old), REF_UNIQUE), false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	trace_event(TRACE_UNSHARE, slot, old, slot_state(0, REF_UNIQUE) - slot_state(0, 1));
	return true;
}

/*
 * The host claims an unused frame. It never writes storage or vtable_ptr: the allocator's links are there. False, and
 * nothing changed, unless it was UNUSED. It tries twice at most: a hostile guest can move the generation for ever.
 */
static inline bool slot_host_claim(struct meta_slot *slot)
{
	uint64_t old = slot_word_load(&slot->state);

	for (unsigned tries = 0; tries < 2 && slot_state_refs(old) == REF_UNUSED; tries++)
		if (__atomic_compare_exchange_n(&slot->state, &old,
						slot_next_generation(old, REF_HOST), false,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	return false;
}

/*
 * The host gives the frame back. False, and nothing changed, unless the state is HOST: to the host the
 * word is hostile, so this is no reason to abort.
 */
static inline bool slot_host_release(struct meta_slot *slot)
{
	uint64_t old = slot_word_load(&slot->state);

	return slot_state_refs(old) == REF_HOST &&
	       __atomic_compare_exchange_n(&slot->state, &old,
					   slot_state(slot_state_generation(old), REF_UNUSED),
					   false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

#endif
