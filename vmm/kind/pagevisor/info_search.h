/* SPDX-License-Identifier: MPL-2.0 */
/* Finding info pages with nothing but a guest's memory in hand: by their magic, at page granularity. */
#ifndef VMM_INFO_SEARCH_H
#define VMM_INFO_SEARCH_H

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/* More in one memory are the remains of guests that were booted before. */
#define INFO_PAGES_MAX 8

/*
 * Searches what the guest has written below `end` (0: everywhere) for info pages: of this ABI those that say of themselves
 * that they lie where they do, of others those whose head is sound. Returns how many of the first `max` it found, or what
 * reading said; -ENOMEM.
 */
int info_search(const struct guest_memory *memory, uint64_t end, paddr_t *pages, unsigned max);

#endif
