/* SPDX-License-Identifier: MPL-2.0 */
/*
 * segments: runs of contiguous frames are made, split, joined, sliced, walked, turned into single
 * frames and back, handed to other processors, and dropped.
 */
#include "workload/workload.h"

#include "pagemeta/spinlock.h"
#include "pagemeta/untyped.h"

/* check == ~(key ^ index) for as long as the frame is of one of the types. */
struct run_meta {
	uint64_t key;   /* of the original segment */
	uint64_t index; /* in the original segment */
	uint64_t check;
	uint32_t cpu;
};

/* No on_drop: neighbours go back to the allocator together. */
META_TYPE_OF(dma_buffer, struct run_meta, .is_untyped = true);
#define dma_buffer_meta run_meta

/* A type whose on_drop checks each frame. */
static void kernel_stack_drop(void *meta, struct frame_reader *bytes);
META_TYPE_OF(kernel_stack, struct run_meta, .on_drop = kernel_stack_drop);
#define kernel_stack_meta run_meta

#define HELD         64 /* segments of each processor */
#define RUN_MAX      96
#define RUN_LONG     512 /* the length of one in LONG_EVERY */
#define LONG_EVERY   64
#define ALIGN_ORDERS 6
#define BOARD_SIZE   16
#define DISTANCE     128 /* frames around a segment whose addresses are tried */

static struct segment held_segments[MAX_CPUS][HELD];

/* Where processors leave segments for each other. */
static struct {
	struct spinlock lock;
	struct segment segment;
} board[BOARD_SIZE];

struct segments {
	struct worker *worker;
	struct segment *held;
};

static uint64_t check_of(const struct run_meta *meta)
{
	return ~(meta->key ^ meta->index);
}

static void kernel_stack_drop(void *meta, struct frame_reader *bytes)
{
	uint64_t offset = (uint64_t)bytes->next - (uint64_t)platform_phys_to_virt(paddr(0));
	frame_t frame = {frame_to_meta(paddr(offset))};
	const struct run_meta *run = meta;
	uint64_t first = 0;

	frame_reader_read(bytes, &first, sizeof(first));
	worker_check(worker_current(), run->check == check_of(run) && first == run->check,
		     "a dropped frame's metadata or bytes are another's", frame);
}

static bool is_run(frame_t frame)
{
	return frame_type(frame) == &meta_type_dma_buffer ||
	       frame_type(frame) == &meta_type_kernel_stack;
}

/* Checks what anyone with a reference may rely on. */
static const struct run_meta *check_meta(struct segments *segments, frame_t frame)
{
	const struct run_meta *meta = (const struct run_meta *)frame.slot->storage;

	worker_check(segments->worker, meta->check == check_of(meta), "check != ~(key ^ index)",
		     frame);
	return meta;
}

/* Frames of one segment were made together, so they must be neighbours in the original segment. */
static void check_segment(struct segments *segments, const struct segment *segment)
{
	uint64_t first = 0;
	uint64_t key = 0;
	uint64_t at = 0;

	segment_for_each (borrowed, segment) {
		frame_t frame = {(struct meta_slot *)borrowed.slot};
		const struct run_meta *meta = check_meta(segments, frame);

		if (at == 0) {
			first = meta->index;
			key = meta->key;
		}
		worker_check(segments->worker, meta->key == key && meta->index == first + at,
			     "a frame of a segment is another's", frame);
		worker_check(segments->worker, *(uint64_t *)frame_bytes(frame) == meta->check,
			     "the frame's bytes are another's", frame);
		at++;
	}
}

static void fill(void *context, uint64_t index, struct run_meta *run)
{
	run->key = *(const uint64_t *)context;
	run->index = index;
	run->check = check_of(run);
	run->cpu = (uint32_t)platform_cpu();
}

static void make(struct segments *segments, struct segment *place)
{
	struct random *random = &segments->worker->random;
	uint64_t key = random_next(random);
	uint64_t count = random_below(random, LONG_EVERY) ? 1 + random_below(random, RUN_MAX)
							  : RUN_LONG;
	uint64_t align = UINT64_C(1) << random_below(random, ALIGN_ORDERS);
	bool made = random_below(random, 2) ? worker_segment_alloc(segments->worker, dma_buffer,
								   count, align, fill, &key, place)
					    : worker_segment_alloc(segments->worker, kernel_stack,
								   count, align, fill, &key, place);

	if (!made)
		return;
	worker_check(segments->worker, place->count == count && place->first.index % align == 0,
		     "a segment is not what was asked for", (frame_t){pfn_to_meta(place->first)});
	segment_for_each (borrowed, place) {
		frame_t frame = {(struct meta_slot *)borrowed.slot};

		*(uint64_t *)frame_bytes(frame) = check_meta(segments, frame)->check;
	}
}

/* Empties a place for a part of a segment. Drops what it holds, even the rest of that segment. */
static struct segment *empty_place(struct segments *segments)
{
	struct segment *place = &segments->held[random_below(&segments->worker->random, HELD)];

	worker_segment_drop(segments->worker, place);
	return place;
}

/* Splits a segment in two, and now and then joins the parts again. */
static void split(struct segments *segments, struct segment *segment)
{
	struct random *random = &segments->worker->random;
	struct segment tail;

	if (!segment_split(segment, random_below(random, RUN_MAX), &tail))
		return;
	if (random_below(random, 4) == 0) {
		worker_check(segments->worker, segment_join(segment, &tail),
			     "the parts of a segment are no neighbours",
			     (frame_t){pfn_to_meta(segment->first)});
		return;
	}
	*empty_place(segments) = tail;
}

static void slice(struct segments *segments, const struct segment *segment)
{
	struct random *random = &segments->worker->random;
	uint32_t at = random_below(random, (uint32_t)segment->count);
	uint32_t count = 1 + random_below(random, (uint32_t)segment->count - at);
	struct segment part;

	if (worker_segment_slice(segments->worker, segment, at, count, &part))
		*empty_place(segments) = part;
}

/* Turns a segment into single references, puts those at the ends, and makes a segment of the rest. */
static void take_apart(struct segments *segments, struct segment *segment)
{
	uint64_t count = segment->count;
	struct segment again = SEGMENT_NONE;
	frame_t frame;

	for (uint64_t i = 0; (frame = segment_pop(segment)).slot; i++) {
		check_meta(segments, frame);
		if (count > 2 && (i == 0 || i == count - 1))
			worker_put(segments->worker, frame);
		else
			worker_check(segments->worker, segment_push(&again, frame),
				     "the next frame is not the next", frame);
	}
	*segment = again;
}

static void through_address(struct segments *segments, struct segment *segment)
{
	uint64_t count;
	paddr_t start = segment_into_raw(segment, &count);

	worker_check(segments->worker, segment->count == 0, "a raw segment is still there",
		     (frame_t){frame_to_meta(start)});
	*segment = segment_from_raw(start, count);
}

/* Reads across the border of two frames of a buffer; for other types the read must fail. */
static void read_bytes(struct segments *segments, const struct segment *segment)
{
	frame_t first = {pfn_to_meta(segment->first)};
	bool is_untyped = frame_type(first) == &meta_type_dma_buffer;
	uint64_t words[2] = {0};

	if (segment->count < 2)
		return;

	enum untyped_error error =
		untyped_segment_read(segment, PAGE_SIZE - sizeof(words[0]), words, sizeof(words));

	worker_check(segments->worker, error == (is_untyped ? UNTYPED_OK : UNTYPED_IS_TYPED),
		     "bytes are read if and only if they are untyped", first);
	if (error != UNTYPED_OK)
		return;
	worker_check(segments->worker,
		     words[1] == frame_borrow_meta(segment_frame(segment, 1), dma_buffer)->check,
		     "the second frame's bytes are another's", first);
}

static void hand_over(struct segments *segments, struct segment *segment)
{
	uint32_t at = random_below(&segments->worker->random, BOARD_SIZE);
	struct segment given = *segment;

	spin_lock(&board[at].lock);
	*segment = board[at].segment;
	board[at].segment = given;
	spin_unlock(&board[at].lock);
	check_segment(segments, segment);
}

/* Tries the address of a frame nearby, which may be anything by now. */
static void get_by_address(struct segments *segments, const struct segment *segment)
{
	uint64_t distance = random_below(&segments->worker->random, DISTANCE) * PAGE_SIZE;
	frame_t frame =
		worker_get_at(segments->worker, paddr(segment_start(segment).addr + distance));

	if (!frame.slot)
		return;
	if (is_run(frame))
		check_meta(segments, frame);
	worker_put(segments->worker, frame);
}

static void step(struct segments *segments)
{
	struct random *random = &segments->worker->random;
	struct segment *segment = &segments->held[random_below(random, HELD)];

	if (segment->count == 0) {
		make(segments, segment);
		return;
	}
	switch (random_below(random, 16)) {
	case 0:
	case 1:
		split(segments, segment);
		break;
	case 2:
	case 3:
		slice(segments, segment);
		break;
	case 4:
		take_apart(segments, segment);
		break;
	case 5:
		through_address(segments, segment);
		break;
	case 6:
		read_bytes(segments, segment);
		break;
	case 7:
	case 8:
		hand_over(segments, segment);
		break;
	case 9:
		get_by_address(segments, segment);
		break;
	case 10:
		check_segment(segments, segment);
		break;
	default:
		check_segment(segments, segment);
		worker_segment_drop(segments->worker, segment);
	}
}

static void segments_run(struct worker *worker)
{
	struct segments segments = {.worker = worker, .held = held_segments[worker->cpu]};

	while (worker_continue(worker))
		step(&segments);
}

WORKLOAD(segments, OPTION_MIXES | OPTION_STRESSES, "runs of frames: made, split, joined, sliced",
	 .run = segments_run);
