/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks frame lists by the links in their frames: pagevisor/list_link.h. Where the lists themselves are is unknown and
 * does not matter: neighbours must name each other and the same list, and every list must have a first frame.
 */
#include <inttypes.h>
#include <string.h>

#include <pagevisor/list_link.h>

#include "kind/pagevisor/check/context.h"

static struct list_link link_of(const struct check *check, const struct meta_slot *slot)
{
	int type = guest_view_type(check->view, slot->vtable_ptr);
	struct list_link link;

	memcpy(&link, &slot->storage[check->view->types[type].link_place - 1], sizeof(link));
	return link;
}

/*
 * Reads a neighbour's link. Returns false, with the reason in *problem, if it is not a frame of the same type in the
 * same list.
 */
static bool read_neighbour(const struct check *check, const struct meta_slot *from, uint64_t place,
			   struct list_link *link, struct check_text *problem)
{
	struct meta_slot slot;

	if (place > check->view->slot_count || !check_read_slot(check, place - 1, &slot)) {
		*problem = check_text("frame number %#" PRIx64, place - 1);
		return false;
	}
	if (slot_state_refs(slot.state) != REF_UNIQUE || slot.vtable_ptr != from->vtable_ptr) {
		*problem = check_text("%s", check_describe(check, &slot).text);
		return false;
	}
	*link = link_of(check, &slot);
	if (link->list == link_of(check, from).list)
		return true;
	*problem = check_text("one of list %" PRIu64, link->list);
	return false;
}

/* Whether the neighbour on one side names this frame as its neighbour on the other. */
static bool check_side(struct check *check, uint64_t frame, const struct meta_slot *slot,
		       bool is_next)
{
	struct list_link own = link_of(check, slot), other;
	uint64_t place = is_next ? own.next : own.previous;
	const char *side = is_next ? "next" : "previous";
	struct check_text problem;

	if (place == 0)
		return true;
	if (read_neighbour(check, slot, place, &other, &problem)) {
		uint64_t back = is_next ? other.previous : other.next;

		if (back == frame + 1)
			return true;
		problem = check_text("frame %#" PRIx64 ", whose link back is %#" PRIx64,
				     (place - 1) * PAGE_SIZE, (back - 1) * PAGE_SIZE);
	}
	check_finding(check, RULE_LIST_LINK, frame,
		      TEXT("%s of list %" PRIu64 " links back", side, own.list), problem.text);
	return false;
}

/* Walks a list from its first frame on for as long as the links match; marks each frame once. */
static void walk_list(struct check *check, uint64_t frame, const struct meta_slot *first)
{
	struct meta_slot slot = *first;
	struct check_text problem;
	struct list_link link, next;

	for (;;) {
		if (check->marks[frame] & MARK_LINKED)
			return;
		check->marks[frame] |= MARK_LINKED;
		check->summary->list_members++;
		link = link_of(check, &slot);
		if (link.next == 0 || !read_neighbour(check, &slot, link.next, &next, &problem) ||
		    next.previous != frame + 1)
			return;
		frame = link.next - 1;
		if (!check_read_slot(check, frame, &slot))
			return;
	}
}

void check_link(struct check *check, uint64_t frame, const struct meta_slot *slot)
{
	struct list_link link = link_of(check, slot);

	if (link.list == 0) {
		if (link.next || link.previous)
			check_finding(check, RULE_LIST_LINK, frame,
				      "no neighbours outside of lists",
				      TEXT("next %#" PRIx64 ", previous %#" PRIx64, link.next,
					   link.previous));
		return;
	}
	check->linked++;
	check->broken_links += !check_side(check, frame, slot, true);
	check->broken_links += !check_side(check, frame, slot, false);
	if (link.previous == 0)
		walk_list(check, frame, slot);
}

/* Whether a frame is in a list but no walk of a list met it. */
static bool is_astray(const struct check *check, uint64_t frame)
{
	struct meta_slot slot;

	if ((check->marks[frame] & (MARK_HELD | MARK_LINKED)) != MARK_HELD ||
	    !check_read_slot(check, frame, &slot) || slot_state_refs(slot.state) != REF_UNIQUE)
		return false;

	int type = guest_view_type(check->view, slot.vtable_ptr);

	return type >= 0 && check->view->types[type].link_place && link_of(check, &slot).list != 0;
}

void check_link_cycles(struct check *check)
{
	/* If links do not match, that is why no walk met the frames behind them. */
	if (check->linked == check->summary->list_members || check->broken_links)
		return;
	for (uint64_t frame = 0; frame < check->view->slot_count; frame++) {
		if (!is_astray(check, frame))
			continue;
		check_finding(check, RULE_LIST_LINK, frame, "a list with a first frame", "a cycle");
		return;
	}
}

void check_refer_to_members(struct check *check)
{
	if (check->linked == 0)
		return;
	/* Frames behind a link that does not match are still in the list: the link may be about to change. */
	for (uint64_t frame = 0; frame < check->view->slot_count; frame++)
		if (check->marks[frame] & MARK_LINKED ||
		    (check->broken_links && is_astray(check, frame)))
			check_refer(check, frame);
}
