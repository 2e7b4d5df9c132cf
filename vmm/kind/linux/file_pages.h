/* SPDX-License-Identifier: MPL-2.0 */
/* The page cache of one file: which page it has at an index. A page is in it only if it says so of itself, too. */
#ifndef VMM_LINUX_FILE_PAGES_H
#define VMM_LINUX_FILE_PAGES_H

#include "kind/linux/owner_fields.h"

/* Whether the kernel's types say how. */
static inline bool file_pages_are_known(const struct owner_fields *fields)
{
	return fields->mapping_pages.size == 8 && fields->node_shift.size == 1 &&
	       fields->node_slots.size % 8 == 0 && fields->node_slots.size != 0;
}

/*
 * The address of the struct page that a struct address_space has at an index, or of the one at the head of its compound page: as
 * kernels differ in that, both are right. Returns false if there is none, such as where it is swapped out. The guest changes
 * it meanwhile.
 */
bool file_page_at(const struct kernel_space *space, const struct owner_fields *fields,
		  uint64_t mapping, uint64_t index, uint64_t *page);

#endif
