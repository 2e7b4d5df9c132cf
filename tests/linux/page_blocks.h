/* SPDX-License-Identifier: MPL-2.0 */
/* Page blocks: their migrate types by /proc/pagetypeinfo, and what keeps them by the flags of their pages. */
#ifndef TESTS_LINUX_PAGE_BLOCKS_H
#define TESTS_LINUX_PAGE_BLOCKS_H

#include "kind/guest.h"

#include "left.h"

/* Prints what differs. Returns how much that is. */
uint64_t compare_page_blocks(const struct left *left, const struct guest *guest);

#endif
