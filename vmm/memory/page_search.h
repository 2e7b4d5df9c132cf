/* SPDX-License-Identifier: MPL-2.0 */
/* Finds pages in a guest's memory by the word that they begin with, without any other knowledge of the guest. */
#ifndef VMM_PAGE_SEARCH_H
#define VMM_PAGE_SEARCH_H

#include "memory/guest_memory.h"

/* Gets a copy of one page, and where it lies. A result other than 0 ends the search. */
typedef int page_visit(void *own, const void *page, paddr_t at);

/*
 * Searches what the guest has written below `end` (0: everywhere) for pages whose first eight bytes are `magic`, in
 * ascending order. Each page is copied once; holes are not filled. The map is that of the start: a region that goes away
 * meanwhile ends the search. Returns 0; what the visitor ended it with; the error of reading; or -ENOMEM.
 */
int page_search(const struct guest_memory *memory, uint64_t end, uint64_t magic, page_visit *visit,
		void *own);

#endif
