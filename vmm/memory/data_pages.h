/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which pages of guest memory were ever written: reading one that was not, through the mapping, would allocate it.
 *
 * Asked for many pages at once, that costs little: one system call and about a nanosecond for each page, where asking
 * for one page costs a system call.
 */
#ifndef VMM_DATA_PAGES_H
#define VMM_DATA_PAGES_H

#include <stdint.h>

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/*
 * Sets has_data[i] to 1 if page i of `pages` from `first` on has data, else to 0. They all lie in the region, and
 * `first` is page-aligned. One that is copied has data everywhere. In the section in which the region was found.
 */
void data_pages_find(const struct memory_region *region, paddr_t first, uint64_t pages,
		     uint8_t *has_data);

#endif
