/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frame lists: doubly linked lists of unique frames, linked through the frames' own metadata, so
 * that no list ever needs memory.
 *
 * A type whose frames go into lists has a link among its metadata, and a list is for one type:
 *
 *     struct lru_page_meta { struct list_link link; uint64_t age; };
 *     META_TYPE(lru_page, .link_place = META_LINK_PLACE(lru_page, link));
 *     struct frame_list list;
 *     frame_list_init(&list, lru_page, link);
 *
 * link_place is for observers that check the links; the lists do not need it.
 *
 * A list owns its frames: a unique_frame_t goes in, and a unique_frame_t comes out. The link names the list by a number
 * that no other list ever has. So a frame can be in one list only, and testing whether it is in this one takes one
 * look. Each change of a link is a change of the metadata of a unique frame (unique.h): the generation moves, and an
 * outside reader never sees half of it.
 *
 * Not concurrent: the caller serialises all calls on one list, frame_list_contains and cursors
 * included. Different lists are independent. Nothing blocks or allocates; everything but
 * frame_list_drop takes constant time.
 */
#ifndef PAGEMETA_FRAME_LIST_H
#define PAGEMETA_FRAME_LIST_H

#include <pagevisor/list_link.h>

#include "unique.h"

/* May be moved in memory, but not copied. */
struct frame_list {
	const struct meta_type *type;
	uint64_t id;
	uint64_t link;  /* storage word at which the link begins */
	uint64_t first; /* frame number + 1; 0: the list is empty */
	uint64_t last;
	uint64_t count;
};

/* An empty list of frames of a type, linked through a member of type struct list_link. */
#define frame_list_init(list, type, member)                                                        \
	frame_list_init_at((list), &meta_type_##type,                                              \
			   offsetof(struct type##_meta, member) +                                  \
				   0 * sizeof(_Generic(((struct type##_meta *)0)->member,          \
						       struct list_link : 1)))

/* Use frame_list_init(). Any CPU, at any time. */
void frame_list_init_at(struct frame_list *list, const struct meta_type *type, size_t offset);

/* Drops all frames of a list, as unique_drop. The list is empty then and can be used again. */
void frame_list_drop(struct frame_list *list);

static inline uint64_t frame_list_count(const struct frame_list *list)
{
	return list->count;
}

/*
 * Puts a frame at an end; the list owns it now. Aborts if the frame is of another type than the
 * list, is in a list already, or is not unique.
 */
void frame_list_push_front(struct frame_list *list, unique_frame_t frame);
void frame_list_push_back(struct frame_list *list, unique_frame_t frame);

/* Takes the frame from an end; the caller owns it. UNIQUE_NONE when the list is empty. */
unique_frame_t frame_list_pop_front(struct frame_list *list);
unique_frame_t frame_list_pop_back(struct frame_list *list);

/*
 * Whether the frame at an address is in this list. Any address is allowed: the frame may be free, owned by somebody
 * else, changing hands right now, or not exist.
 */
bool frame_list_contains(const struct frame_list *list, paddr_t frame);

/*
 * A place in a list: at a frame, or at the gap between the last frame and the first, which is where a cursor over an
 * empty list always is. A cursor is valid until its frame leaves the list other than through this cursor.
 */
struct list_cursor {
	struct frame_list *list;
	uint64_t at; /* frame number + 1; 0: the gap */
};

/* At the first or the last frame; at the gap if there is none. */
struct list_cursor list_cursor_front(struct frame_list *list);
struct list_cursor list_cursor_back(struct frame_list *list);

/* At the frame with this address. False, and *cursor is as it was, if it is not in the list. */
bool list_cursor_find(struct frame_list *list, paddr_t frame, struct list_cursor *cursor);

/* The frame that the cursor is at, lent by the list; FRAME_BORROW_NONE at the gap. */
frame_borrow_t list_cursor_frame(const struct list_cursor *cursor);

/* Moves on by one; from the last frame to the gap, from the gap to the first (or the last). */
void list_cursor_next(struct list_cursor *cursor);
void list_cursor_previous(struct list_cursor *cursor);

/*
 * Puts a frame beside the cursor, which stays where it is. At the gap, _before means the back of the list and _after
 * its front. Aborts as frame_list_push_front does.
 */
void list_cursor_insert_before(struct list_cursor *cursor, unique_frame_t frame);
void list_cursor_insert_after(struct list_cursor *cursor, unique_frame_t frame);

/* Takes the frame out and moves to the next. UNIQUE_NONE at the gap, and nothing changed. */
unique_frame_t list_cursor_take(struct list_cursor *cursor);

/* Takes the frame out and drops it. False at the gap, and nothing changed. */
bool list_cursor_remove(struct list_cursor *cursor);

#endif
