/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The memory that tells a Linux guest's pages apart (mark_pages.h), and that in which files, caches and processes have their names,
 * for a capture of little else.
 */
#ifndef VMM_LINUX_NAMING_MEMORY_H
#define VMM_LINUX_NAMING_MEMORY_H

#include "kind/linux/describing_memory.h"
#include "memory/page_set.h"

/* Adds the pages that marks and, `has_names`, all breakdowns need, opening the guest included. What cannot be read is left out. */
void linux_naming_memory_add(const struct guest_memory *memory, paddr_t info, open_guest *open,
			     bool has_names, struct page_set *pages);

#endif
