/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The link of a frame list (pagemeta/frame_list.h). It is part of the metadata of each frame that can be in a list.
 * link_place in the descriptor of the frame's type gives its position in the slot's storage.
 *
 * A place is a frame number plus one; 0 means none. Neighbours name each other and the same list. Only the frame's
 * unique owner writes the link. A new link is all zeroes.
 */
#ifndef PAGEVISOR_LIST_LINK_H
#define PAGEVISOR_LIST_LINK_H

#include <stdint.h>

#include <pagevisor/abi.h>

struct list_link {
	uint64_t list;     /* the number of the list that the frame is in; 0: none */
	uint64_t next;     /* a place; 0: this is the last frame */
	uint64_t previous; /* a place; 0: this is the first frame */
};

ABI_OFFSET(struct list_link, list, 0);
ABI_OFFSET(struct list_link, next, 8);
ABI_OFFSET(struct list_link, previous, 16);
ABI_SIZE(struct list_link, 24);

#define LIST_LINK_WORDS (sizeof(struct list_link) / sizeof(uint64_t))

#endif
