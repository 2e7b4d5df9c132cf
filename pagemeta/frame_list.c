/* SPDX-License-Identifier: MPL-2.0 */
/* Frame lists: see frame_list.h. */
#include "frame_list.h"

#include <stddef.h>

/* The words of a struct list_link. */
enum link_word {
	LINK_LIST = offsetof(struct list_link, list) / sizeof(uint64_t),
	LINK_NEXT = offsetof(struct list_link, next) / sizeof(uint64_t),
	LINK_PREVIOUS = offsetof(struct list_link, previous) / sizeof(uint64_t),
};

void frame_list_init_at(struct frame_list *list, const struct meta_type *type, size_t offset)
{
	/* 0 is no list. The number orders nothing; it only has to be unique. */
	static uint64_t last_id;

	*list = (struct frame_list){
		.type = type,
		.id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED),
		.link = offset / sizeof(uint64_t),
	};
}

static struct meta_slot *slot_of(uint64_t place)
{
	return pfn_to_meta(pfn(place - 1));
}

static uint64_t place_of(const struct meta_slot *slot)
{
	return meta_to_pfn(slot).index + 1;
}

static uint64_t link_load(const struct frame_list *list, uint64_t place, enum link_word word)
{
	return slot_word_load(&slot_of(place)->storage[list->link + word]);
}

/* Changes one word of the link of a frame that is in the list. */
static void link_store(const struct frame_list *list, uint64_t place, enum link_word word,
		       uint64_t value)
{
	struct meta_slot *slot = slot_of(place);
	uint64_t busy = slot_change_begin(slot);

	slot_word_store(&slot->storage[list->link + word], value);
	slot_publish(slot, busy, REF_UNIQUE);
}

static void write_link(const struct frame_list *list, struct meta_slot *slot,
		       const struct list_link *link)
{
	uint64_t *words = &slot->storage[list->link];
	uint64_t busy = slot_change_begin(slot);

	slot_word_store(&words[LINK_LIST], link->list);
	slot_word_store(&words[LINK_NEXT], link->next);
	slot_word_store(&words[LINK_PREVIOUS], link->previous);
	slot_publish(slot, busy, REF_UNIQUE);
}

/* Puts a frame between two neighbours, either of which may be the gap. */
static void insert(struct frame_list *list, unique_frame_t frame, uint64_t previous, uint64_t next)
{
	const struct list_link link = {.list = list->id, .next = next, .previous = previous};

	frame_expect(frame.slot);

	uint64_t place = place_of(frame.slot);

	if (unique_type(frame) != list->type)
		slot_abort(frame.slot, "frame of another type put into a list",
			   slot_load(frame.slot));
	if (slot_word_load(&frame.slot->storage[list->link + LINK_LIST]) != 0)
		slot_abort(frame.slot, "frame that is in a list put into a list",
			   slot_load(frame.slot));
	write_link(list, frame.slot, &link);
	if (previous)
		link_store(list, previous, LINK_NEXT, place);
	else
		list->first = place;
	if (next)
		link_store(list, next, LINK_PREVIOUS, place);
	else
		list->last = place;
	list->count++;
}

/* Takes the frame at a place, which is not the gap, out of the list. */
static unique_frame_t take(struct frame_list *list, uint64_t place)
{
	static const struct list_link no_link;
	struct meta_slot *slot = slot_of(place);
	uint64_t next = link_load(list, place, LINK_NEXT);
	uint64_t previous = link_load(list, place, LINK_PREVIOUS);

	if (link_load(list, place, LINK_LIST) != list->id)
		slot_abort(slot, "frame taken from a list that it is not in", slot_load(slot));
	write_link(list, slot, &no_link);
	if (previous)
		link_store(list, previous, LINK_NEXT, next);
	else
		list->first = next;
	if (next)
		link_store(list, next, LINK_PREVIOUS, previous);
	else
		list->last = previous;
	list->count--;
	list->departures++;
	return (unique_frame_t){slot};
}

void frame_list_push_front(struct frame_list *list, unique_frame_t frame)
{
	insert(list, frame, 0, list->first);
}

void frame_list_push_back(struct frame_list *list, unique_frame_t frame)
{
	insert(list, frame, list->last, 0);
}

unique_frame_t frame_list_pop_front(struct frame_list *list)
{
	return list->first ? take(list, list->first) : UNIQUE_NONE;
}

unique_frame_t frame_list_pop_back(struct frame_list *list)
{
	return list->last ? take(list, list->last) : UNIQUE_NONE;
}

void frame_list_drop(struct frame_list *list)
{
	while (list->first)
		unique_drop(take(list, list->first));
}

/*
 * A frame in this list does not change while the caller keeps others out. Any other frame may change between any two of
 * these loads, so they count only if its state is the same before and after them. The fence pairs with the one that
 * follows the store of BUSY, as for a reader outside the guest.
 */
bool frame_list_contains(const struct frame_list *list, paddr_t frame)
{
	if (frame_check_address(frame) != FRAME_OK)
		return false;

	const struct meta_slot *slot = frame_to_meta(frame);
	uint64_t state = slot_load(slot);

	if (slot_state_refs(state) != REF_UNIQUE)
		return false;

	uint64_t vtable = slot_word_load(&slot->vtable_ptr);
	uint64_t id = slot_word_load(&slot->storage[list->link + LINK_LIST]);

	slot_fence(__ATOMIC_ACQUIRE);
	return vtable == (uint64_t)(uintptr_t)list->type && id == list->id &&
	       slot_word_load(&slot->state) == state;
}

static struct list_cursor cursor_to(struct frame_list *list, uint64_t place)
{
	return (struct list_cursor){
		.list = list, .at = place, .id = list->id, .departures = list->departures};
}

/* Aborts unless the cursor's frame is still in its list. Looks nothing up in the frame: it may be anything by now. */
static void check_cursor(const struct list_cursor *cursor)
{
	const struct frame_list *list = cursor->list;

	if (__builtin_expect(cursor->id != list->id, 0))
		platform_abort("a list cursor whose list is gone", paddr(0), cursor->id);
	if (__builtin_expect(cursor->at && cursor->departures != list->departures, 0))
		platform_abort("a list cursor, and a frame left the list by another way",
			       meta_to_frame(slot_of(cursor->at)), list->departures);
}

/* The frame at a cursor, which must not be the gap. */
static unique_frame_t frame_at(const struct list_cursor *cursor)
{
	check_cursor(cursor);
	if (__builtin_expect(!cursor->at, 0))
		platform_abort("a write through a list cursor at the gap", paddr(0), cursor->id);
	return (unique_frame_t){slot_of(cursor->at)};
}

struct list_cursor list_cursor_front(struct frame_list *list)
{
	return cursor_to(list, list->first);
}

struct list_cursor list_cursor_back(struct frame_list *list)
{
	return cursor_to(list, list->last);
}

bool list_cursor_find(struct frame_list *list, paddr_t frame, struct list_cursor *cursor)
{
	if (!frame_list_contains(list, frame))
		return false;
	*cursor = cursor_to(list, place_of(frame_to_meta(frame)));
	return true;
}

frame_borrow_t list_cursor_frame(const struct list_cursor *cursor)
{
	check_cursor(cursor);
	return cursor->at ? (frame_borrow_t){slot_of(cursor->at)} : FRAME_BORROW_NONE;
}

/* The places beside a cursor. */
static uint64_t place_after(const struct list_cursor *cursor)
{
	check_cursor(cursor);
	return cursor->at ? link_load(cursor->list, cursor->at, LINK_NEXT) : cursor->list->first;
}

static uint64_t place_before(const struct list_cursor *cursor)
{
	check_cursor(cursor);
	return cursor->at ? link_load(cursor->list, cursor->at, LINK_PREVIOUS) : cursor->list->last;
}

void list_cursor_next(struct list_cursor *cursor)
{
	*cursor = cursor_to(cursor->list, place_after(cursor));
}

void list_cursor_previous(struct list_cursor *cursor)
{
	*cursor = cursor_to(cursor->list, place_before(cursor));
}

void list_cursor_begin(const struct list_cursor *cursor)
{
	unique_begin(frame_at(cursor));
}

void list_cursor_end(const struct list_cursor *cursor)
{
	unique_end(frame_at(cursor));
}

void list_cursor_write(const struct list_cursor *cursor, const struct meta_type *type,
		       size_t offset, const void *value, size_t size)
{
	unique_frame_t frame = frame_at(cursor);
	size_t link = cursor->list->link * sizeof(uint64_t);

	if (__builtin_expect(offset < link + sizeof(struct list_link) && link < offset + size, 0))
		slot_abort(frame.slot, "a list's link written through a cursor",
			   slot_load(frame.slot));
	unique_write(frame, type, offset, value, size);
}

void list_cursor_insert_before(struct list_cursor *cursor, unique_frame_t frame)
{
	insert(cursor->list, frame, place_before(cursor), cursor->at);
}

void list_cursor_insert_after(struct list_cursor *cursor, unique_frame_t frame)
{
	insert(cursor->list, frame, cursor->at, place_after(cursor));
}

unique_frame_t list_cursor_take(struct list_cursor *cursor)
{
	uint64_t place = cursor->at;
	uint64_t next = place_after(cursor);

	if (!place)
		return UNIQUE_NONE;

	unique_frame_t frame = take(cursor->list, place);

	*cursor = cursor_to(cursor->list, next);
	return frame;
}

bool list_cursor_remove(struct list_cursor *cursor)
{
	unique_frame_t frame = list_cursor_take(cursor);

	if (!frame.slot)
		return false;
	unique_drop(frame);
	return true;
}
