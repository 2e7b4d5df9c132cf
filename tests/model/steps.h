/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Makes every atomic access of the code compiled after it a step: replay.c decides when it happens, and checks that it
 * is the access that the model's trace has there. The compiler gets this header with -include, so the sources of
 * pagemeta/ stay unchanged.
 *
 * Fences need no step, and memory orders have no meaning here: one thread runs all actors in turn. A weak
 * compare-and-swap becomes a strong one, for the model has no spurious failures.
 */
#ifndef TESTS_MODEL_STEPS_H
#define TESTS_MODEL_STEPS_H

#include <stdbool.h>
#include <stdint.h>

uint64_t step_load(const uint64_t *word);
void step_store(uint64_t *word, uint64_t value);
uint64_t step_add(uint64_t *word, uint64_t value);
uint64_t step_sub(uint64_t *word, uint64_t value);
bool step_cas(uint64_t *word, uint64_t *expected, uint64_t desired, bool weak);

#define __atomic_load_n(word, order)           step_load(word)
#define __atomic_store_n(word, value, order)   step_store((word), (value))
#define __atomic_fetch_add(word, value, order) step_add((word), (value))
#define __atomic_fetch_sub(word, value, order) step_sub((word), (value))
#define __atomic_compare_exchange_n(word, expected, desired, weak, success, failure)               \
	step_cas((word), (expected), (desired), (weak))

#endif
