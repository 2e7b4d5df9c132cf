/* SPDX-License-Identifier: MPL-2.0 */
/* Segments: see segment.h. */
#include "segment.h"

/* The segment of `count` frames from `first` on; an empty one has no place. */
static struct segment segment_of(pfn_t first, uint64_t count)
{
	return count ? (struct segment){first, count} : SEGMENT_NONE;
}

static void publish_claims(struct meta_slot *slots, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		slot_publish_new(&slots[i], slot_word_load(&slots[i].state), 1, TRACE_CLAIM);
}

static void cancel_claims(struct meta_slot *slots, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		slot_clear(&slots[i], slot_word_load(&slots[i].state));
	}
}

static enum frame_error check_range(paddr_t start, uint64_t count)
{
	if (!is_aligned(start.addr, PAGE_SIZE))
		return FRAME_NOT_ALIGNED;
	return start.addr <= meta_max_paddr && count <= (meta_max_paddr - start.addr) / PAGE_SIZE
		       ? FRAME_OK
		       : FRAME_OUT_OF_BOUND;
}

enum frame_error segment_claim_check(paddr_t start, uint64_t count)
{
	enum frame_error error = check_range(start, count);

	if (error != FRAME_OK)
		return error;

	const struct meta_slot *slots = frame_to_meta(start);

	for (uint64_t i = 0; i < count; i++) {
		enum ref_class found =
			ref_classify(slot_state_refs(slot_word_load(&slots[i].state)));

		if (found != REF_CLASS_UNUSED)
			return frame_claim_error(&slots[i], found);
	}
	return FRAME_OK;
}

enum frame_error segment_claim_end(pfn_t first, uint64_t count, uint64_t claimed,
				   enum ref_class found, struct segment *out)
{
	struct meta_slot *slots = pfn_to_meta(first);

	if (claimed < count) {
		cancel_claims(slots, claimed);
		return frame_claim_error(&slots[claimed], found);
	}
	publish_claims(slots, count);
	*out = segment_of(first, count);
	return FRAME_OK;
}

/* Gives the frames of slots [from, to), if any, to the allocator, if there is one. */
static void give_back(const struct meta_slot *from, const struct meta_slot *to)
{
	if (from < to && frame_alloc_started)
		frame_alloc_give(meta_to_pfn(from), (uint64_t)(to - from));
}

bool segment_alloc_end(pfn_t first, uint64_t count, uint64_t claimed, enum ref_class found,
		       struct segment *out)
{
	struct meta_slot *slots = pfn_to_meta(first);

	if (claimed == count) {
		publish_claims(slots, count);
		*out = (struct segment){first, count};
		return true;
	}
	if (found != REF_CLASS_HOST)
		slot_abort(&slots[claimed], "a run of the allocator has a frame that is not unused",
			   slot_load(&slots[claimed]));
	cancel_claims(slots, claimed);
	frame_alloc_return(first, count, claimed);
	return false;
}

uint64_t segment_drop(struct segment *segment)
{
	struct meta_slot *slot = pfn_to_meta(segment->first);
	struct meta_slot *const end = slot + segment->count;
	struct meta_slot *from = slot; /* [from, slot) is reset but not given back yet */
	uint64_t quiet = 0;            /* the last type found without on_drop */
	uint64_t destroyed = 0;

	for (; slot < end; slot++) {
		uint64_t busy;

		if (slot_put(slot, &busy)) {
			uint64_t vtable = slot_word_load(&slot->vtable_ptr);

			destroyed++;
			if ((vtable && vtable == quiet) ||
			    !frame_type_to_drop(slot, vtable)->on_drop) {
				quiet = vtable;
				slot_clear(slot, busy);
				continue;
			}
			frame_drop(slot, busy);
		}
		give_back(from, slot);
		from = slot + 1;
	}
	give_back(from, end);
	*segment = SEGMENT_NONE;
	return destroyed;
}

bool segment_split(struct segment *segment, uint64_t at, struct segment *tail)
{
	const struct segment whole = *segment;

	if (at > whole.count)
		return false;
	*tail = segment_of(pfn(whole.first.index + at), whole.count - at);
	*segment = segment_of(whole.first, at);
	return true;
}

bool segment_join(struct segment *left, struct segment *right)
{
	if (right->count == 0)
		return true;
	if (left->count == 0)
		left->first = right->first;
	else if (left->first.index + left->count != right->first.index)
		return false;
	left->count += right->count;
	*right = SEGMENT_NONE;
	return true;
}

bool segment_slice(const struct segment *segment, uint64_t at, uint64_t count, struct segment *out)
{
	if (at > segment->count || count > segment->count - at)
		return false;

	const struct segment slice = segment_of(pfn(segment->first.index + at), count);

	for (uint64_t i = 0; i < count; i++)
		slot_get(pfn_to_meta(slice.first) + i);
	*out = slice;
	return true;
}

frame_t segment_pop(struct segment *segment)
{
	if (segment->count == 0)
		return FRAME_NONE;

	frame_t frame = {pfn_to_meta(segment->first)};

	*segment = segment_of(pfn(segment->first.index + 1), segment->count - 1);
	return frame;
}

bool segment_push(struct segment *segment, frame_t frame)
{
	if (!frame.slot)
		return false;

	struct segment last = {meta_to_pfn(frame.slot), 1};

	return segment_join(segment, &last);
}

bool segment_from_frames(const frame_t *frames, uint64_t count, struct segment *out)
{
	struct segment segment = SEGMENT_NONE;

	for (uint64_t i = 0; i < count; i++)
		if (!segment_push(&segment, frames[i]))
			return false;
	*out = segment;
	return true;
}

bool segment_is_of(const struct segment *segment, const struct meta_type *type)
{
	segment_for_each (frame, segment) {
		if (frame_borrow_type(frame) != type)
			return false;
	}
	return true;
}

paddr_t segment_into_raw(struct segment *segment, uint64_t *count)
{
	paddr_t start = segment_start(segment);

	*count = segment->count;
	*segment = SEGMENT_NONE;
	return start;
}

struct segment segment_from_raw(paddr_t start, uint64_t count)
{
	if (count == 0)
		return SEGMENT_NONE;
	if (check_range(start, count) != FRAME_OK)
		platform_abort("a raw segment with an address that has no slot", start, count);
	for (uint64_t i = 0; i < count; i++)
		(void)frame_from_raw(paddr(start.addr + i * PAGE_SIZE));
	return (struct segment){paddr_to_pfn(start), count};
}
