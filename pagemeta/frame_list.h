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

/* May be moved in memory while it has no cursors, but not copied. */
struct frame_list {
	const struct meta_type *type;
	uint64_t id;
	uint64_t link;  /* storage word at which the link begins */
	uint64_t first; /* frame number + 1; 0: the list is empty */
	uint64_t last;
	uint64_t count;
	uint64_t
		departures; /* frames that have left; a cursor that remembers another number is stale */
};

/*
 * frame_list_init(list, type, member): an empty list of frames of a type, linked through that member of struct
 * type_meta. Does not compile unless the member is a struct list_link that lies in whole words of the slot.
 */
#define frame_list_init(list, type, member)                                                        \
	frame_list_init_at((list), &meta_type_##type, META_LINK_OFFSET(type, member))

/* Use frame_list_init(). Any CPU, at any time. */
void frame_list_init_at(struct frame_list *list, const struct meta_type *type, size_t offset);

/* Drops all frames of a list, as unique_drop. The list is empty then and can be used again. */
void frame_list_drop(struct frame_list *list);

static inline uint64_t frame_list_count(const struct frame_list *list)
{
	return list->count;
}

/*
 * Puts a frame at an end; the list owns it now. Aborts if the frame is UNIQUE_NONE, of another type than the list, in a
 * list already, or not unique.
 */
void frame_list_push_front(struct frame_list *list, unique_frame_t frame);
void frame_list_push_back(struct frame_list *list, unique_frame_t frame);

/* Takes the frame from an end; the caller owns it. UNIQUE_NONE when the list is empty. */
META_MUST_USE unique_frame_t frame_list_pop_front(struct frame_list *list);
META_MUST_USE unique_frame_t frame_list_pop_back(struct frame_list *list);

/*
 * Whether the frame at an address is in this list. Any address is allowed: the frame may be free, owned by somebody
 * else, changing hands right now, or not exist.
 */
META_MUST_USE bool frame_list_contains(const struct frame_list *list, paddr_t frame);

/*
 * A place in a list: at a frame, or at the gap between the last frame and the first, which is where a cursor over an
 * empty list always is.
 *
 * A cursor at a frame is valid until a frame leaves its list other than through this cursor. Frames may come in, and a
 * cursor at the gap stays valid. Using a cursor that is not valid, or whose list was initialised again since, aborts.
 */
struct list_cursor {
	struct frame_list *list;
	uint64_t at; /* frame number + 1; 0: the gap */
	uint64_t id; /* the list's, and its departures, as of when the cursor came here */
	uint64_t departures;
};

/* At the first or the last frame; at the gap if there is none. */
struct list_cursor list_cursor_front(struct frame_list *list);
struct list_cursor list_cursor_back(struct frame_list *list);

/* At the frame with this address. False, and *cursor is as it was, if it is not in the list. */
META_MUST_USE bool list_cursor_find(struct frame_list *list, paddr_t frame,
				    struct list_cursor *cursor);

/* The frame that the cursor is at, lent by the list; FRAME_BORROW_NONE at the gap. */
frame_borrow_t list_cursor_frame(const struct list_cursor *cursor);

/* Moves on by one; from the last frame to the gap, from the gap to the first (or the last). */
void list_cursor_next(struct list_cursor *cursor);
void list_cursor_previous(struct list_cursor *cursor);

/*
 * Changes the metadata of the frame at the cursor, in place, as unique_begin, unique_set and unique_end do: a reader
 * outside the guest sees all changes of the bracket or none. The frame stays in the list. Between begin and end it is
 * BUSY: no frame may come in beside it or leave there, and frame_list_contains denies it.
 *
 *     list_cursor_begin(&cursor);
 *     list_cursor_set(&cursor, lru_page, age, 0);
 *     list_cursor_end(&cursor);
 *
 * Aborts at the gap, in the wrong order, for another type than the list's, and for any part of the link, which belongs
 * to the list; a whole link as the member does not compile.
 */
void list_cursor_begin(const struct list_cursor *cursor);
void list_cursor_end(const struct list_cursor *cursor);

#define list_cursor_set(cursor, type, member, value)                                               \
	do {                                                                                       \
		_Static_assert(!META_IS_LINK(type, member),                                        \
			       #type "." #member ": a link is written by its list alone");         \
		__typeof__(((struct type##_meta *)0)->member) list_value_ = (value);               \
                                                                                                   \
		meta_clear_padding(&list_value_);                                                  \
		list_cursor_write((cursor), &meta_type_##type,                                     \
				  offsetof(struct type##_meta, member), &list_value_,              \
				  sizeof(list_value_));                                            \
	} while (0)

/* Use list_cursor_set(). */
void list_cursor_write(const struct list_cursor *cursor, const struct meta_type *type,
		       size_t offset, const void *value, size_t size);

/*
 * Puts a frame beside the cursor, which stays where it is. At the gap, _before means the back of the list and _after
 * its front. Aborts as frame_list_push_front does.
 */
void list_cursor_insert_before(struct list_cursor *cursor, unique_frame_t frame);
void list_cursor_insert_after(struct list_cursor *cursor, unique_frame_t frame);

/* Takes the frame out and moves to the next. UNIQUE_NONE at the gap, and nothing changed. */
META_MUST_USE unique_frame_t list_cursor_take(struct list_cursor *cursor);

/* Takes the frame out and drops it. False at the gap, and nothing changed. */
bool list_cursor_remove(struct list_cursor *cursor);

#endif
