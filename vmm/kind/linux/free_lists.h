/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The lists of free blocks of a zone, one for each order and migrate type, as /proc/pagetypeinfo counts them. A block may
 * be on the list of another type than that of its page block.
 */
#ifndef VMM_LINUX_FREE_LISTS_H
#define VMM_LINUX_FREE_LISTS_H

#include "kind/linux/zones.h"

struct linux_free_lists {
	uint64_t blocks[MIGRATE_TYPES_MAX][FREE_ORDERS_MAX];
	/* False: lists changed during every attempt, and of these only a part was counted. */
	bool is_complete;
};

/* Counts the blocks of all lists of a zone that is visited; needs the layout from BTF. */
void linux_free_lists(const struct linux_kernel *kernel, const struct linux_zone *zone,
		      struct linux_free_lists *lists);

#endif
