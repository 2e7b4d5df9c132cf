/* SPDX-License-Identifier: MPL-2.0 */
/* The memory in which a Linux guest's files, caches and processes have their names, for a capture of little else. */
#ifndef VMM_LINUX_NAMING_MEMORY_H
#define VMM_LINUX_NAMING_MEMORY_H

#include "kind/linux/describing_memory.h"
#include "memory/page_set.h"

/* Adds the pages that all breakdowns read, opening the guest included. What cannot be read is left out. */
void linux_naming_memory_add(const struct guest_memory *memory, paddr_t info, open_guest *open,
			     struct page_set *pages);

#endif
