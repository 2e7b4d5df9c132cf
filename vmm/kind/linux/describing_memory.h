/* SPDX-License-Identifier: MPL-2.0 */
/* The memory that describes a Linux guest's frames, for a capture that holds nothing else. */
#ifndef VMM_LINUX_DESCRIBING_MEMORY_H
#define VMM_LINUX_DESCRIBING_MEMORY_H

#include "kind/guest.h"
#include "memory/ranges.h"

/* Opens the guest that describes itself at `info`. Returns 0 or a negative errno. */
typedef int open_guest(const struct guest_memory *memory, paddr_t info, struct guest **guest);

/*
 * Adds the pages that opening the guest reads, and its struct pages. Ranges that lie close together are joined, so that
 * they fit the list. What cannot be read is left out; whoever opens the capture finds the fault then.
 */
void linux_describing_memory_add(const struct guest_memory *memory, paddr_t info, open_guest *open,
				 struct memory_ranges *ranges);

#endif
