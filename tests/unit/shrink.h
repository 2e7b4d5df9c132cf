/* SPDX-License-Identifier: MPL-2.0 */
/* Delta debugging: from a long failing sequence to a short one that still fails. */
#ifndef TESTS_UNIT_SHRINK_H
#define TESTS_UNIT_SHRINK_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a sequence fails. Must not change the items. */
typedef bool (*shrink_fails_t)(const void *items, size_t count, void *context);

/*
 * Drops from `count` items of `size` bytes, which fail together, all that the failure does not
 * need: first large chunks, then smaller ones, at last single items until none can be spared.
 * Returns how many are left, at the start of `items` and in their order.
 */
size_t shrink(void *items, size_t size, size_t count, shrink_fails_t fails, void *context);

#endif
