/* SPDX-License-Identifier: MPL-2.0 */
/* One pass over all slots: checks each against the free lists and the kernel's image. */
#include <inttypes.h>

#include <pagevisor/allocator.h>

#include "kind/pagevisor/check/context.h"

#define CHUNK_SLOTS 1024

/* What the pass needs for each slot. */
struct pass {
	struct check *check;
	int kernel; /* type index of the frames of the kernel's image, -1: no such type */
	int hole;
	uint32_t range; /* how many of the managed ranges were read */
	uint32_t range_count;
	struct allocator_range next;
	uint64_t managed;
};

static void expect_tag(struct check *check, uint64_t frame, uint64_t found, enum free_place place)
{
	const struct allocator_descriptor *at = check->allocator;
	bool is_tag = found >= at->tag_block && found < at->tag_end;
	uint64_t expected = place == PLACE_CACHED ? at->tag_cached : at->tag_parked;

	if (place == PLACE_CACHED || place == PLACE_PARKED) {
		if (found != expected)
			check_finding(check, RULE_FREE_TAG, frame, TEXT("%#" PRIx64, expected),
				      TEXT("%#" PRIx64, found));
	} else if (place != PLACE_BLOCK && is_tag) {
		check_finding(check, RULE_FREE_TAG, frame, "no tag inside of a block",
			      TEXT("%#" PRIx64, found));
	}
}

static void check_free(struct check *check, uint64_t frame, const struct meta_slot *slot)
{
	enum free_place place = check->marks[frame] & MARK_PLACE;
	enum ref_class class = ref_classify(slot_state_refs(slot->state));

	check->summary->host_frames += class == REF_CLASS_HOST;
	if (class != REF_CLASS_UNUSED && class != REF_CLASS_HOST)
		check_finding(check, RULE_LISTED_IN_USE, frame, "unused or host",
			      check_describe(check, slot).text);
	else
		expect_tag(check, frame, slot->vtable_ptr, place);
}

static void check_held(struct check *check, uint64_t frame, const struct meta_slot *slot)
{
	int type = guest_view_type(check->view, slot->vtable_ptr);

	if (type < 0 || check->view->types[type].is_permanent)
		return; /* guest_tally reports wild pointers */
	check->marks[frame] |= MARK_HELD;
	if (!check->view->types[type].is_untyped)
		check->marks[frame] |= MARK_BYTES;
	check->summary->held_frames++;
	/* The links of a list do not match while it is being changed. */
	if (check->rules != CHECK_ANY_INSTANT && check->view->types[type].link_place &&
	    slot_state_refs(slot->state) == REF_UNIQUE)
		check_link(check, frame, slot);
}

static bool is_kernel_frame(const struct guest_view *view, uint64_t frame)
{
	uint64_t pa = frame * PAGE_SIZE;

	return pa >= view->kernel_start.addr && pa < view->kernel_end.addr;
}

/* Whether the slot's frame is in use as kernel or as a page table. Some page tables lie in the image. */
static bool is_kernels(const struct pass *pass, const struct meta_slot *slot)
{
	int type = guest_view_type(pass->check->view, slot->vtable_ptr);

	return ref_in_use(slot_state_refs(slot->state)) && type >= 0 &&
	       (type == pass->kernel || type == pass->check->table_type);
}

static void mark_mappable(struct pass *pass, uint64_t frame, const struct meta_slot *slot)
{
	struct check *check = pass->check;
	int type = guest_view_type(check->view, slot->vtable_ptr);

	if (type < 0 || type != pass->hole)
		check->marks[frame] |= MARK_MAPPABLE;
	check->typed_tables += type >= 0 && type == check->table_type &&
			       ref_in_use(slot_state_refs(slot->state));
}

static void check_slot(struct pass *pass, uint64_t frame, const struct meta_slot *slot)
{
	struct check *check = pass->check;
	uint32_t refs = slot_state_refs(slot->state);
	bool at_rest = check->rules != CHECK_ANY_INSTANT;

	if (check->marks[frame] & MARK_PLACE)
		check_free(check, frame, slot);
	else if (refs == REF_UNUSED && at_rest && check->allocator)
		check_finding(
			check, RULE_LOST_FRAME, frame, "a place in a free list",
			TEXT("unused, in none; generation %u", slot_state_generation(slot->state)));
	if (ref_in_use(refs) || refs == REF_BUSY)
		mark_mappable(pass, frame, slot);
	if (ref_in_use(refs))
		check_held(check, frame, slot);
	else if (refs == REF_BUSY && at_rest && check->view->stage != STAGE_FINISHED)
		check_finding(check, RULE_STUCK_BUSY, frame, "a change that ends",
			      TEXT("busy, generation %u", slot_state_generation(slot->state)));
	if (pass->kernel >= 0 && is_kernel_frame(check->view, frame) && !is_kernels(pass, slot))
		check_finding(check, RULE_KERNEL_FRAME, frame,
			      TEXT("shared %s", check->view->types[pass->kernel].name),
			      check_describe(check, slot).text);
}

/* Reads the next range of managed frames and checks it against the one before. Returns false after the last. */
static bool next_range(struct pass *pass)
{
	const struct allocator_descriptor *at = pass->check->allocator;
	uint64_t pa = at->ranges_va - pass->check->view->va_offset + at->range_first;
	uint64_t before = pass->range ? pass->next.end : 0;

	if (pass->range == pass->range_count ||
	    !check_read(pass->check, pa + pass->range * sizeof(pass->next), &pass->next,
			sizeof(pass->next)))
		return false;
	pass->range++;
	if (pass->next.start >= before && pass->next.start <= pass->next.end &&
	    pass->next.end <= pass->check->view->slot_count) {
		pass->managed += pass->next.end - pass->next.start;
		return true;
	}
	check_finding(pass->check, RULE_ALLOCATOR, FRAME_NUMBER_NONE,
		      TEXT("frames from %#" PRIx64 " on", before),
		      TEXT("range %#" PRIx64 " to %#" PRIx64, pass->next.start, pass->next.end));
	pass->range = pass->range_count;
	return false;
}

/* Reports the first of each run of frames that are listed as free but not managed by the allocator. */
static void check_foreign(struct pass *pass)
{
	struct check *check = pass->check;
	uint64_t frame = 0;
	bool more = true, was_foreign = false;

	while (frame < check->view->slot_count) {
		more = more && next_range(pass);
		uint64_t start = more ? pass->next.start : check->view->slot_count;

		for (; frame < start; frame++) {
			bool is_foreign = check->marks[frame] & MARK_PLACE;

			if (is_foreign && !was_foreign)
				check_finding(check, RULE_FOREIGN_FRAME, frame,
					      "a frame that the allocator manages",
					      "an unmanaged one in a free list");
			was_foreign = is_foreign;
		}
		if (more)
			frame = pass->next.end;
	}
}

static void check_managed(struct pass *pass)
{
	const struct allocator_descriptor *at = pass->check->allocator;
	struct check *check = pass->check;
	uint64_t frames;

	if (!check_read(check, at->ranges_va - check->view->va_offset + at->range_count,
			&pass->range_count, sizeof(pass->range_count)) ||
	    !check_read(check, at->pool_va - check->view->va_offset + at->managed_frames, &frames,
			sizeof(frames)) ||
	    pass->range_count > at->range_max) {
		check_finding(check, RULE_ALLOCATOR, FRAME_NUMBER_NONE,
			      TEXT("at most %u ranges", at->range_max),
			      TEXT("%u", pass->range_count));
		return;
	}
	check_foreign(pass);
	if (pass->managed != frames)
		check_finding(check, RULE_FREE_COUNT, FRAME_NUMBER_NONE,
			      TEXT("%" PRIu64 " managed frames", frames),
			      TEXT("%" PRIu64 " in its ranges", pass->managed));
}

void check_slots(struct check *check)
{
	struct meta_slot slots[CHUNK_SLOTS];
	struct pass pass = {
		.check = check,
		.kernel = guest_view_type_of_role(check->view, TYPE_ROLE_KERNEL),
		.hole = guest_view_type_of_role(check->view, TYPE_ROLE_HOLE),
	};

	if (check->allocator)
		check_managed(&pass);
	for (uint64_t first = 0; first < check->view->slot_count && !check_is_cut(check);
	     first += CHUNK_SLOTS) {
		uint64_t left = check->view->slot_count - first;
		uint64_t count = left < CHUNK_SLOTS ? left : CHUNK_SLOTS;

		if (!check_read(check, check->view->array.addr + first * SLOT_SIZE, slots,
				count * SLOT_SIZE))
			return;
		for (uint64_t i = 0; i < count; i++)
			check_slot(&pass, first + i, &slots[i]);
	}
}
