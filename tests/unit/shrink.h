/* SPDX-License-Identifier: MPL-2.0 */
/* Delta debugging: shortens a long failing sequence to a short one that still fails. */
#ifndef TESTS_UNIT_SHRINK_H
#define TESTS_UNIT_SHRINK_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a sequence fails. Must not change the items. */
typedef bool (*shrink_fails_t)(const void *items, size_t count, void *context);

/*
 * Drops everything that the failure does not need from `count` items of `size` bytes, which together fail: first large
 * chunks, then smaller ones, at last single items until none can be spared. Returns how many are left; they are at the
 * start of `items`, in their order.
 */
size_t shrink(void *items, size_t size, size_t count, shrink_fails_t fails, void *context);

#endif
