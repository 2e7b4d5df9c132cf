/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The link of a frame list (pagemeta/frame_list.h), a part of the metadata of each frame that can be in one.
 * The descriptor of the frame's type says in link_place where it is in the slot's storage.
 *
 * Places are frame numbers plus one, so that 0 can mean none. Neighbours name each other and the same list.
 * The frame's unique owner writes the link; all zeroes at first.
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
