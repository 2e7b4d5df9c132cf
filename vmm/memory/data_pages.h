/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which pages of guest memory were ever written. Reading a page that was not, through the mapping, would allocate it.
 *
 * A query for many pages is cheap: one system call, and about a nanosecond for each page. A query for a single page
 * costs a whole system call.
 */
#ifndef VMM_DATA_PAGES_H
#define VMM_DATA_PAGES_H

#include <stdint.h>

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/*
 * Sets has_data[i] to 1 if page i of the `pages` pages from `first` on has data, else to 0. All of them lie in the
 * region, and `first` is page-aligned. In a copied region every page counts as data. Call it in the read-side section
 * in which the region was found.
 */
void data_pages_find(const struct memory_region *region, paddr_t first, uint64_t pages,
		     uint8_t *has_data);

#endif
