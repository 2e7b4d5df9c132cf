/* SPDX-License-Identifier: MPL-2.0 */
/* A guest of pagevisor's kind whose view was made by a test. */
#ifndef TESTS_UNIT_CRAFTED_GUEST_H
#define TESTS_UNIT_CRAFTED_GUEST_H

#include "kind/guest.h"
#include "kind/pagevisor/guest_view.h"

/* Maximum number of guests that a test can use at the same time. */
#define CRAFTED_GUESTS_MAX 8

/*
 * Returns a guest with this view; there is no info page to refresh it from. Do not free it: its memory is static. The
 * CRAFTED_GUESTS_MAX-th call after this one reuses it.
 */
struct guest *crafted_guest(const struct guest_memory *memory, const struct guest_view *view);

#endif
