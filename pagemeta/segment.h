/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segments: runs of contiguous frames with one handle.
 *
 * A struct segment holds one reference to each of its frames, so it is not copied but moved, split,
 * or sliced (which takes references). The frames themselves are ordinary shared frames, each with
 * metadata of its own: anyone may get and put references to single ones, and a frame lives until
 * its last reference goes, whether that is a segment's or not. Positions and lengths are in frames.
 *
 * Any CPU may call anything here on a segment it holds; nothing blocks.
 */
#ifndef PAGEMETA_SEGMENT_H
#define PAGEMETA_SEGMENT_H

#include <pagevisor/segment.h>

#include "frame_alloc.h"
#include "handle.h"

#define SEGMENT_NONE ((struct segment){{0}, 0})

/*
 * Writes the initial metadata of the frame at `index` of a segment that is being made; `meta` points at zeroes, of the
 * type's layout. Called for each frame in order. The segment may still be refused, or tried again with other frames
 * (from index 0), so the function must do nothing but write *meta. NULL leaves the metadata zero.
 */
typedef void segment_fill(void *context, uint64_t index, void *meta);

/*
 * segment_claim(type, start, count, fill, context, out): makes a segment of `count` unused frames that
 * no allocator lists, from the address `start` on. `type` is the name of a metadata type.
 *
 * All or nothing: FRAME_OK, or the error of the first frame that refused (FRAME_IN_USE, _BUSY, _UNIQUE, _HOST), or
 * FRAME_NOT_ALIGNED, or FRAME_OUT_OF_BOUND if one of the frames has no slot or `count` is 0. After an error *out and
 * all slots are unchanged, with one exception: if somebody took one of the frames during the claim, the frames before
 * it were BUSY for a moment. They are UNUSED again, one generation later, and their storage is undefined, as after a
 * drop.
 */
#define segment_claim(type, start, count, fill, context, out)                                      \
	segment_claim_as(&meta_type_##type, sizeof(struct type##_meta), (start), (count), (fill),  \
			 (context), (out))

/*
 * segment_alloc(type, count, align, fill, context, out): makes a segment of `count` free frames of the
 * allocator that begins at a multiple of `align` frames, a power of two. False when there is no such
 * run (as frame_alloc_take finds them), or `count` is 0: *out is as it was and no memory is lost.
 * Frames that the host holds are put aside, and another run is tried.
 */
#define segment_alloc(type, count, align, fill, context, out)                                      \
	segment_alloc_as(&meta_type_##type, sizeof(struct type##_meta), (count), (align), false,   \
			 (fill), (context), (out))

/* The same with zeroed bytes. They are written before anyone can get a frame of the segment. */
#define segment_alloc_zeroed(type, count, align, fill, context, out)                               \
	segment_alloc_as(&meta_type_##type, sizeof(struct type##_meta), (count), (align), true,    \
			 (fill), (context), (out))

/*
 * Puts the reference to each frame. Those that nobody else holds are destroyed; if their type has
 * no on_drop, neighbours go back to the allocator together. The segment is empty then. Returns how
 * many were destroyed.
 */
uint64_t segment_drop(struct segment *segment);

/*
 * Cuts a segment in two: *segment keeps the first `at` frames, *tail gets the rest. False, and
 * nothing changed, unless both have at least one.
 */
bool segment_split(struct segment *segment, uint64_t at, struct segment *tail);

/*
 * Puts two neighbours together: *left gets the frames of *right, which is then empty. False, and
 * nothing changed, unless *right begins where *left ends.
 */
bool segment_join(struct segment *left, struct segment *right);

/*
 * A second segment over `count` frames from `at` on, with references of its own. False, and nothing changed, if they
 * are not all in the segment or `count` is 0. Aborts rather than let a count overflow.
 */
bool segment_slice(const struct segment *segment, uint64_t at, uint64_t count, struct segment *out);

/* Takes the first frame out of a segment, with its reference. FRAME_NONE when the segment is empty. */
frame_t segment_pop(struct segment *segment);

/* Appends a frame. False, and the reference stays with the caller, if the frame is not the next one. */
bool segment_push(struct segment *segment, frame_t frame);

/* Each frame in turn: frame_borrow_t name is lent by the segment. */
#define segment_for_each(name, segment)                                                            \
	for (frame_borrow_t name = {pfn_to_meta((segment)->first)};                                \
	     name.slot != pfn_to_meta((segment)->first) + (segment)->count; name.slot++)

static inline paddr_t segment_start(const struct segment *segment)
{
	return pfn_to_paddr(segment->first);
}

static inline uint64_t segment_bytes(const struct segment *segment)
{
	return segment->count << PAGE_SHIFT;
}

/* The frame at `index`, lent by the segment; FRAME_BORROW_NONE past the end. */
static inline frame_borrow_t segment_frame(const struct segment *segment, uint64_t index)
{
	if (index >= segment->count)
		return FRAME_BORROW_NONE;
	return (frame_borrow_t){pfn_to_meta(segment->first) + index};
}

/*
 * Turns the references into an address, which is returned, and a number of frames, *count; the segment is empty then.
 * segment_from_raw takes the references back, once.
 */
paddr_t segment_into_raw(struct segment *segment, uint64_t *count);

/* Back from segment_into_raw. Aborts if one of the frames has no slot or is not shared. */
struct segment segment_from_raw(paddr_t start, uint64_t count);

/*
 * How segment_claim and segment_alloc work. Always inlined, so that `fill` can be inlined, too: a locked operation
 * waits for the stores before it, and a call for each frame would double those stores.
 *
 * Takes the slots one by one and writes their metadata. Returns how many it took: all, or those before one that
 * refused. None is published before all are taken, so nobody can get a reference to a frame of a segment whose claim
 * fails.
 */
static inline __attribute__((always_inline)) uint64_t
segment_begin_claims(struct meta_slot *slots, uint64_t count, const struct meta_type *type,
		     size_t size, segment_fill *fill, void *context, enum ref_class *found)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t meta[SLOT_STORAGE_WORDS] __attribute__((aligned(SLOT_ALIGN_MAX))) = {0};
		uint64_t busy;

		*found = slot_claim_begin(&slots[i], &busy);
		if (__builtin_expect(*found != REF_CLASS_UNUSED, 0))
			return i;
		if (fill)
			fill(context, i, meta);
		slot_write_meta(&slots[i], type, meta, size);
	}
	return count;
}

/* The parts that need not be inlined. */
enum frame_error segment_claim_check(paddr_t start, uint64_t count);
enum frame_error segment_claim_end(pfn_t first, uint64_t count, uint64_t claimed,
				   enum ref_class found, struct segment *out);
bool segment_alloc_end(pfn_t first, uint64_t count, uint64_t claimed, enum ref_class found,
		       struct segment *out);

static inline __attribute__((always_inline)) enum frame_error
segment_claim_as(const struct meta_type *type, size_t size, paddr_t start, uint64_t count,
		 segment_fill *fill, void *context, struct segment *out)
{
	enum ref_class found = REF_CLASS_UNUSED;
	enum frame_error error = segment_claim_check(start, count);

	if (error != FRAME_OK)
		return error;

	uint64_t claimed = segment_begin_claims(frame_to_meta(start), count, type, size, fill,
						context, &found);

	return segment_claim_end(paddr_to_pfn(start), count, claimed, found, out);
}

static inline __attribute__((always_inline)) bool
segment_alloc_as(const struct meta_type *type, size_t size, uint64_t count, uint64_t align,
		 bool zeroed, segment_fill *fill, void *context, struct segment *out)
{
	enum ref_class found = REF_CLASS_UNUSED;
	pfn_t first;

	while (frame_alloc_take(count, align, &first)) {
		uint64_t claimed = segment_begin_claims(pfn_to_meta(first), count, type, size, fill,
							context, &found);

		if (zeroed && claimed == count)
			frame_alloc_zero(first, count);
		if (segment_alloc_end(first, count, claimed, found, out))
			return true;
	}
	return false;
}

#endif
