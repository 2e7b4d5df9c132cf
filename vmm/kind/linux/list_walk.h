/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks a list of the kernel's (struct list_head), each step of which is checked: the next node must be the kernel's and
 * point back. So a list that does not change has its head as the only node that is met twice; one that changes, or that
 * lies in tables that lie, is bounded by `left`.
 */
#ifndef VMM_LINUX_LIST_WALK_H
#define VMM_LINUX_LIST_WALK_H

#include "kind/linux/kernel_space.h"

#define LIST_FOUND_SIZE 64

struct list_walk {
	const struct kernel_space *space;
	uint64_t head, node;
	uint64_t left; /* nodes that it may still have */
	char found
		[LIST_FOUND_SIZE]; /* of a list that is broken: what is wrong with the next node of `node` */
};

enum list_step {
	LIST_NODE,    /* walk->node is the next one */
	LIST_CLOSED,  /* it came back to its head */
	LIST_BROKEN,  /* the next node is none, or does not point back */
	LIST_ENDLESS, /* it has more nodes than it may have */
	LIST_STRANGE, /* of lists of pages: a page that must not be on it, or no page */
};

/* A list of at most `most` nodes beside its head. */
void list_walk_begin(struct list_walk *walk, const struct kernel_space *space, uint64_t head,
		     uint64_t most);
enum list_step list_walk_next(struct list_walk *walk);

#endif
