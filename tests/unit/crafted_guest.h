/* SPDX-License-Identifier: MPL-2.0 */
/* A guest of pagevisor's kind whose view a test has made itself. */
#ifndef TESTS_UNIT_CRAFTED_GUEST_H
#define TESTS_UNIT_CRAFTED_GUEST_H

#include "kind/guest.h"
#include "kind/pagevisor/guest_view.h"

/* Guests that a test has at once. */
#define CRAFTED_GUESTS_MAX 8

/*
 * A guest as the view describes it, without an info page to refresh it from. Nobody frees it: its place is used again by
 * the guest made CRAFTED_GUESTS_MAX guests later.
 */
struct guest *crafted_guest(const struct guest_memory *memory, const struct guest_view *view);

#endif
