/* SPDX-License-Identifier: MPL-2.0 */
/* Walks a list of the kernel's: see list_walk.h. */
#include "kind/linux/list_walk.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/linux/kernel_fields.h"

#define PREV_OFFSET 8 /* in struct list_head */

void list_walk_begin(struct list_walk *walk, const struct kernel_space *space, uint64_t head,
		     uint64_t most)
{
	*walk = (struct list_walk){.space = space, .head = head, .node = head, .left = most};
}

/* The values may be other ones than those that were wrong. */
static void describe(struct list_walk *walk)
{
	uint64_t next, back;

	if (!kernel_is_object(walk->space, walk->node) ||
	    kernel_space_word(walk->space, walk->node, &next) < 0)
		snprintf(walk->found, sizeof(walk->found), "%#" PRIx64 ", which is not there",
			 walk->node);
	else if (!kernel_is_object(walk->space, next) ||
		 kernel_space_word(walk->space, next + PREV_OFFSET, &back) < 0)
		snprintf(walk->found, sizeof(walk->found), "%#" PRIx64 ", which is no node", next);
	else
		snprintf(walk->found, sizeof(walk->found), "%#" PRIx64 ", back to %#" PRIx64, next,
			 back);
}

enum list_step list_walk_next(struct list_walk *walk)
{
	uint64_t next;

	if (!kernel_list_next(walk->space, walk->node, &next)) {
		describe(walk);
		return LIST_BROKEN;
	}
	if (next == walk->head)
		return LIST_CLOSED;
	if (walk->left == 0)
		return LIST_ENDLESS;
	walk->left--;
	walk->node = next;
	return LIST_NODE;
}
