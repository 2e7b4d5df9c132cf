/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The protocol rules that mutants break: each as slot.pml follows it, and broken. Each MUTANT_... is one way to break a
 * rule, given to Spin with -D; ../model.sh wants an error for each.
 */

/* The order of the steps in which a frame ends; the mutants change it. */
#ifdef MUTANT_EARLY_UNUSED
#define AFTER_LAST_PUT reset_store
#define AFTER_DROP     release_word0
#define AFTER_RESET    drop_call
#define AFTER_LIST     idle
#else
#ifdef MUTANT_ALLOCATOR_FIRST
#define AFTER_LAST_PUT drop_call
#define AFTER_DROP     release_word0
#define AFTER_RESET    idle
#define AFTER_LIST     reset_store
#else
#define AFTER_LAST_PUT drop_call
#define AFTER_DROP     reset_store
#define AFTER_RESET    release_word0
#define AFTER_LIST     idle
#endif
#endif

/* The same for a frame that its unique owner resets without a drop. */
#ifdef MUTANT_RESET_NOT_BUSY
#define RESETTING(word) (word)
#else
#define RESETTING(word) SAME(word, BUSY)
#endif

#ifdef MUTANT_RESET_EARLY_UNUSED
#define AFTER_RESETTING unused_store
#define AFTER_UNUSED    vtable_store
#define AFTER_VTABLE    idle
#else
#define AFTER_RESETTING vtable_store
#define AFTER_VTABLE    unused_store
#define AFTER_UNUSED    idle
#endif

#ifdef MUTANT_CLAIM_NOT_BUMPED
#define CLAIMED(word) SAME(word, BUSY)
#else
#define CLAIMED(word) NEXT(word, BUSY)
#endif

#ifdef MUTANT_CHANGE_NOT_BUMPED
#define CHANGING(word) SAME(word, BUSY)
#else
#ifdef MUTANT_CHANGE_NOT_BUSY
#define CHANGING(word) NEXT(word, UNIQUE)
#else
#define CHANGING(word) NEXT(word, BUSY)
#endif
#endif

#ifdef MUTANT_CLAIM_WITHOUT_CAS
#define CLAIM_SWAPS 1
#else
#define CLAIM_SWAPS (state == old)
#endif

#ifdef MUTANT_UNSHARE_WITHOUT_CAS
#define UNSHARE_SWAPS 1
#else
#define UNSHARE_SWAPS (state == old)
#endif

/* The mutant adds, whatever happened after the load that saw the frame shared. */
#ifdef MUTANT_GET_WITHOUT_CAS
#define TRY_GET_SWAPS 1
#else
#define TRY_GET_SWAPS (state == old)
#endif

/* A read that takes over a second is rejected, so the generation cannot wrap within one. */
#ifdef MUTANT_WRAP
#define IN_TIME 1
#else
#define IN_TIME (bumps < GENS)
#endif

#ifdef MUTANT_NO_REREAD
#define ACCEPTS 1
#else
#ifdef MUTANT_REREAD_NOT_IN_USE
#define ACCEPTS (GEN(state) == generation && IN_TIME)
#else
#define ACCEPTS (GEN(state) == generation && IN_USE(state) && IN_TIME)
#endif
#endif
