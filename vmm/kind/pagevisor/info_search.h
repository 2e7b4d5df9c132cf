/* SPDX-License-Identifier: MPL-2.0 */
/* Finds info pages in a guest's memory without any other knowledge: by their magic, at page granularity. */
#ifndef VMM_INFO_SEARCH_H
#define VMM_INFO_SEARCH_H

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/* Maximum number of info pages found in one memory. Any beyond that are remains of earlier boots. */
#define INFO_PAGES_MAX 8

/*
 * Searches what the guest has written below `end` (0: everywhere) for info pages, `max` at most. A page of this ABI
 * must lie in the kernel image that it names; of one of another ABI, the head must be sound. Returns how many it found;
 * the error of reading; or -ENOMEM.
 */
int info_search(const struct guest_memory *memory, uint64_t end, paddr_t *pages, unsigned max);

#endif
