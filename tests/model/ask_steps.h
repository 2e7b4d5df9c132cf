/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What steps.h is for the slot's code, for that of asks: ask_steps.c sees every atomic access, and decides which of
 * them waits for a line of the trace. The compiler gets this header with -include, so the sources stay unchanged; what
 * the model has two of, they have two of here.
 *
 * Orders have no meaning here, but they tell apart accesses of the same word.
 */
#ifndef TESTS_MODEL_ASK_STEPS_H
#define TESTS_MODEL_ASK_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagemeta_platform.h>
#include <pagevisor/keeper.h>

/* CPUs, of which each may ask once; the ring of hints; and what a walk looks at in one part. */
#undef PLATFORM_MAX_CPUS
#define PLATFORM_MAX_CPUS 2
#undef KEEPER_HINTS
#define KEEPER_HINTS 2
#define WALK_PART    1

/* A turn of a CPU that waits. */
#undef PLATFORM_KEEPER_TURNS
#define PLATFORM_KEEPER_TURNS  step_turns()
#define platform_relax()       step_relax()
#define platform_keeper_ring() step_ring()

/* Nothing is traced here. */
#undef PLATFORM_TRACING

uint64_t step_turns(void);
void step_relax(void);
void step_ring(void);
uint64_t step_load(const void *word, size_t size, int order);
void step_store(void *word, size_t size, uint64_t value);
uint64_t step_add(void *word, size_t size, uint64_t value);
uint64_t step_exchange(void *word, size_t size, uint64_t value);
bool step_cas(void *word, size_t size, void *expected, uint64_t desired, bool weak);

/* Of the word's type, without its qualifiers. */
#define STEP_TYPED(word, value)                                                                    \
	({                                                                                         \
		const __typeof__(+*(word)) typed_ = (__typeof__(+*(word)))(value);                 \
                                                                                                   \
		typed_;                                                                            \
	})

#define __atomic_load_n(word, order)         STEP_TYPED(word, step_load((word), sizeof(*(word)), order))
#define __atomic_store_n(word, value, order) step_store((word), sizeof(*(word)), (value))
#define __atomic_fetch_add(word, value, order)                                                     \
	STEP_TYPED(word, step_add((word), sizeof(*(word)), (value)))
#define __atomic_fetch_sub(word, value, order)                                                     \
	STEP_TYPED(word, step_add((word), sizeof(*(word)), -(uint64_t)(value)))
#define __atomic_exchange_n(word, value, order)                                                    \
	STEP_TYPED(word, step_exchange((word), sizeof(*(word)), (value)))
#define __atomic_compare_exchange_n(word, expected, desired, weak, success, failure)               \
	step_cas((word), sizeof(*(word)), (expected), (desired), (weak))

#endif
