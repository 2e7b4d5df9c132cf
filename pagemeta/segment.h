/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Segments: runs of contiguous frames with one handle.
 *
 * A struct segment holds one reference to each of its frames, so it is not copied but moved, split,
 * or sliced (which takes references). The frames themselves are ordinary shared frames, each with
 * metadata of its own: anyone may get and put references to single ones, and a frame lives until
 * its last reference goes, whether that is a segment's or not. Positions and lengths are in frames.
 *
 * A segment of no frames is valid everywhere. It has no place: whichever way it became empty, it is SEGMENT_NONE, and
 * any frame or segment may follow it.
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
 * segment_claim(type, start, count, fill, context, out): makes a segment of `count` unused frames that
 * no allocator lists, from the address `start` on. `type` is the name of a metadata type.
 *
 *     void fill(void *context, uint64_t index, struct type_meta *meta);
 *
 * writes the initial metadata of the frame at `index`; *meta is zero. It is called for each frame in order. The segment
 * may still be refused, or tried again with other frames (from index 0), so the function must do nothing but write
 * *meta. NULL leaves the metadata zero. A function that takes another struct does not compile.
 *
 * All or nothing: FRAME_OK, or the error of the first frame that refused (FRAME_IN_USE, _BUSY, _UNIQUE, _HOST), or
 * FRAME_NOT_ALIGNED, or FRAME_OUT_OF_BOUND if one of the frames has no slot. A count of 0 is FRAME_OK at the address
 * of any frame, and at the end of the last. After an error *out and all slots are unchanged, with one exception: if
 * somebody took one of the frames during the claim, the frames before it were BUSY for a moment. They are UNUSED again,
 * one generation later, and their storage is undefined, as after a drop.
 */
#define segment_claim(type, start, count, fill, context, out)                                      \
	frame_claim_result(__extension__({                                                         \
		const paddr_t claim_start_ = (start);                                              \
		const uint64_t claim_count_ = (count);                                             \
		void *const claim_context_ = (context);                                            \
		enum ref_class claim_found_ = REF_CLASS_UNUSED;                                    \
		enum frame_error claim_error_ = segment_claim_check(claim_start_, claim_count_);   \
                                                                                                   \
		if (claim_error_ == FRAME_OK) {                                                    \
			uint64_t claimed_ = SEGMENT_CLAIM_EACH(type, paddr_to_pfn(claim_start_),   \
							       claim_count_, fill, claim_context_, \
							       &claim_found_);                     \
                                                                                                   \
			claim_error_ = segment_claim_end(paddr_to_pfn(claim_start_), claim_count_, \
							 claimed_, claim_found_, (out));           \
		}                                                                                  \
		claim_error_;                                                                      \
	}))

/*
 * segment_alloc(type, count, align, fill, context, out): makes a segment of `count` free frames of the
 * allocator that begins at a multiple of `align` frames, a power of two. False when there is no such
 * run (as frame_alloc_take finds them): *out is as it was and no memory is lost. Frames that the host
 * holds are put aside, and another run is tried. A count of 0 is true, and takes nothing.
 */
#define segment_alloc(type, count, align, fill, context, out)                                      \
	SEGMENT_ALLOC(type, count, align, false, fill, context, out)

/* The same with zeroed bytes. They are written before anyone can get a frame of the segment. */
#define segment_alloc_zeroed(type, count, align, fill, context, out)                               \
	SEGMENT_ALLOC(type, count, align, true, fill, context, out)

/*
 * Puts the reference to each frame. Those that nobody else holds are destroyed; if their type has
 * no on_drop, neighbours go back to the allocator together. The segment is empty then. Returns how
 * many were destroyed.
 */
uint64_t segment_drop(struct segment *segment);

/*
 * Cuts a segment in two: *segment keeps the first `at` frames, *tail gets the rest; either may be empty. False, and
 * nothing changed, if there are fewer than `at`.
 */
META_MUST_USE bool segment_split(struct segment *segment, uint64_t at, struct segment *tail);

/*
 * Puts two neighbours together: *left gets the frames of *right, which is then empty. False, and
 * nothing changed, unless *right begins where *left ends or one of them is empty.
 */
META_MUST_USE bool segment_join(struct segment *left, struct segment *right);

/*
 * A second segment over `count` frames from `at` on, with references of its own. False, and nothing changed, if they
 * are not all in the segment; no frames at all may be `at` any position up to its end. Aborts rather than let a count
 * overflow.
 */
META_MUST_USE bool segment_slice(const struct segment *segment, uint64_t at, uint64_t count,
				 struct segment *out);

/* Takes the first frame out of a segment, with its reference. FRAME_NONE when the segment is empty. */
META_MUST_USE frame_t segment_pop(struct segment *segment);

/*
 * Appends a frame; any frame may be the first. False, and the reference stays with the caller, if the frame is not the
 * next one, or FRAME_NONE.
 */
META_MUST_USE bool segment_push(struct segment *segment, frame_t frame);

/*
 * Makes a segment of `count` frames and takes over their references. False, and the references stay with the caller and
 * *out is as it was, unless each frame follows the one before it and none is FRAME_NONE.
 */
META_MUST_USE bool segment_from_frames(const frame_t *frames, uint64_t count, struct segment *out);

/* Each frame in turn: frame_borrow_t name is lent by the segment. */
#define segment_for_each(name, segment)                                                            \
	for (frame_borrow_t name = {pfn_to_meta((segment)->first)};                                \
	     name.slot != pfn_to_meta((segment)->first) + (segment)->count; name.slot++)

static inline paddr_t segment_start(const struct segment *segment)
{
	return pfn_to_paddr(segment->first);
}

/* The first address after the segment. Of an empty one both are 0. */
static inline paddr_t segment_end(const struct segment *segment)
{
	return paddr(pfn_to_paddr(segment->first).addr + (segment->count << PAGE_SHIFT));
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
META_MUST_USE paddr_t segment_into_raw(struct segment *segment, uint64_t *count);

/* Back from segment_into_raw. Aborts if one of the frames has no slot or is not shared. */
META_MUST_USE struct segment segment_from_raw(paddr_t start, uint64_t count);

/*
 * Declares, at file scope, the handle of segments whose frames are all of one type:
 *
 *     stack_segment_t                    .any is the same segment. It may be read, split and sliced through it; what is
 *                                        added to it must be of the type
 *     bool stack_segment_from(&segment, &out)
 *                                        moves the segment into *out if all its frames are of the type (an empty
 *                                        one always is); else false, and nothing changed
 *     struct segment stack_segment_into(&handle)
 *                                        moves it back; the handle is then empty
 *     struct stack_meta *stack_segment_meta(&handle, index)
 *                                        the metadata of a frame; the types were checked when the handle was made.
 *                                        NULL past the end
 *     bool stack_segment_slice(&handle, at, count, &out), uint64_t stack_segment_drop(&handle)
 *                                        as segment_slice and segment_drop
 */
#define SEGMENT_HANDLE(type)                                                                       \
	typedef struct {                                                                           \
		struct segment any;                                                                \
	} type##_segment_t;                                                                        \
                                                                                                   \
	META_MUST_USE static inline __attribute__((unused)) bool type##_segment_from(              \
		struct segment *segment, type##_segment_t *out)                                    \
	{                                                                                          \
		if (!segment_is_of(segment, &meta_type_##type))                                    \
			return false;                                                              \
		out->any = segment_move(segment);                                                  \
		return true;                                                                       \
	}                                                                                          \
                                                                                                   \
	META_MUST_USE static inline __attribute__((unused)) struct segment type##_segment_into(    \
		type##_segment_t *handle)                                                          \
	{                                                                                          \
		return segment_move(&handle->any);                                                 \
	}                                                                                          \
                                                                                                   \
	static inline __attribute__((unused)) struct type##_meta *type##_segment_meta(             \
		const type##_segment_t *handle, uint64_t index)                                    \
	{                                                                                          \
		frame_borrow_t frame = segment_frame(&handle->any, index);                         \
                                                                                                   \
		return frame.slot                                                                  \
			       ? (struct type##_meta *)((struct meta_slot *)frame.slot)->storage   \
			       : NULL;                                                             \
	}                                                                                          \
                                                                                                   \
	META_MUST_USE static inline __attribute__((unused)) bool type##_segment_slice(             \
		const type##_segment_t *handle, uint64_t at, uint64_t count,                       \
		type##_segment_t *out)                                                             \
	{                                                                                          \
		return segment_slice(&handle->any, at, count, &out->any);                          \
	}                                                                                          \
                                                                                                   \
	static inline __attribute__((unused))                                                      \
	uint64_t type##_segment_drop(type##_segment_t *handle)                                     \
	{                                                                                          \
		return segment_drop(&handle->any);                                                 \
	}                                                                                          \
	ABI_ASSERT(sizeof(type##_segment_t) == sizeof(struct segment), #type ": two words")

/* Whether all frames of a segment are of the type. */
bool segment_is_of(const struct segment *segment, const struct meta_type *type);

/* The segment, which is empty then. */
static inline struct segment segment_move(struct segment *segment)
{
	struct segment moved = *segment;

	*segment = SEGMENT_NONE;
	return moved;
}

/*
 * How segment_claim and segment_alloc work: takes the slots one by one and writes their metadata. The value is how many
 * it took: all, or those before one that refused. None is published before all are taken, so nobody can get a reference
 * to a frame of a segment whose claim fails.
 *
 * A macro, so that `fill` is called as what it is and can be inlined: a locked operation waits for the stores before
 * it, and a call for each frame would double those stores.
 */
#define SEGMENT_CLAIM_EACH(type, first, count, fill, context, found)                               \
	__extension__({                                                                            \
		void (*const each_fill_)(void *, uint64_t, struct type##_meta *) =                 \
			SEGMENT_FILL(type, fill);                                                  \
		struct meta_slot *const each_slots_ = pfn_to_meta(first);                          \
		const uint64_t each_count_ = (count);                                              \
		uint64_t each_busy_;                                                               \
		uint64_t each_ = 0;                                                                \
                                                                                                   \
		for (; each_ < each_count_; each_++) {                                             \
			struct type##_meta each_meta_;                                             \
                                                                                                   \
			*(found) = slot_claim_begin(&each_slots_[each_], &each_busy_);             \
			if (__builtin_expect(*(found) != REF_CLASS_UNUSED, 0))                     \
				break;                                                             \
			__builtin_memset(&each_meta_, 0, sizeof(each_meta_));                      \
			if (each_fill_)                                                            \
				each_fill_((context), each_, &each_meta_);                         \
			meta_clear_padding(&each_meta_);                                           \
			slot_write_meta(&each_slots_[each_], &meta_type_##type, &each_meta_,       \
					sizeof(each_meta_));                                       \
		}                                                                                  \
		each_;                                                                             \
	})

/* A fill function of a type, or NULL; nothing else compiles. */
#define SEGMENT_FILL(type, fill)                                                                   \
	_Generic((fill), void (*)(void *, uint64_t, struct type##_meta *) : (fill), void * : NULL)

#define SEGMENT_ALLOC(type, count, align, zeroed, fill, context, out)                              \
	segment_alloc_result(__extension__({                                                       \
		const uint64_t alloc_count_ = (count);                                             \
		const uint64_t alloc_align_ = (align);                                             \
		void *const alloc_context_ = (context);                                            \
		struct segment *const alloc_out_ = (out);                                          \
		enum ref_class alloc_found_ = REF_CLASS_UNUSED;                                    \
		bool made_ = segment_alloc_empty(alloc_count_, alloc_out_);                        \
		pfn_t alloc_first_;                                                                \
                                                                                                   \
		while (!made_ && frame_alloc_take(alloc_count_, alloc_align_, &alloc_first_)) {    \
			uint64_t claimed_ = SEGMENT_CLAIM_EACH(type, alloc_first_, alloc_count_,   \
							       fill, alloc_context_,               \
							       &alloc_found_);                     \
                                                                                                   \
			if ((zeroed) && claimed_ == alloc_count_)                                  \
				frame_alloc_zero(alloc_first_, alloc_count_);                      \
			made_ = segment_alloc_end(alloc_first_, alloc_count_, claimed_,            \
						  alloc_found_, alloc_out_);                       \
		}                                                                                  \
		made_;                                                                             \
	}))

/* As frame_claim_result. */
META_MUST_USE static inline bool segment_alloc_result(bool made)
{
	return made;
}

/* Makes a segment of no frames if `count` is 0. */
static inline bool segment_alloc_empty(uint64_t count, struct segment *out)
{
	if (count > 0)
		return false;
	*out = SEGMENT_NONE;
	return true;
}

/* The parts that need not be inlined. */
enum frame_error segment_claim_check(paddr_t start, uint64_t count);
enum frame_error segment_claim_end(pfn_t first, uint64_t count, uint64_t claimed,
				   enum ref_class found, struct segment *out);
bool segment_alloc_end(pfn_t first, uint64_t count, uint64_t claimed, enum ref_class found,
		       struct segment *out);

#endif
