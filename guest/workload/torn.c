/* SPDX-License-Identifier: MPL-2.0 */
/*
 * torn: a few slots, changed as fast as the processors can. Each word of their metadata depends on the others, for
 * outside readers: a copy of a slot whose words do not agree was torn.
 *
 * Each processor cycles through its own frames. Of four in a row, the first is freed and allocated anew at once, the
 * second has an on_drop and stays free for a round, the third is changed in place, and the fourth goes through
 * everything else that a unique owner can do. Now and then two processors swap a frame, so that it ends on another
 * processor than it began.
 */
#include "workload/workload.h"

/*
 * tests/torn/sets.h has the same invariant for the host: all 48 bytes follow from b, c, the type and, where the owner
 * knew it, the slot's generation.
 */
struct torn_meta {
	uint64_t a;   /* b ^ c */
	uint64_t b;   /* random */
	uint64_t c;   /* counts up on each processor */
	uint64_t d;   /* a * (2 * number of the type + 1), the number from torn_number */
	uint64_t e;   /* ~a */
	uint64_t tag; /* e rotated by 17, ^ TAG_KNOWN | generation if the owner knew it */
};
META_TYPE_OF(torn_shared, struct torn_meta);
static void torn_drop(void *meta, struct frame_reader *bytes);
META_TYPE_OF(torn_dropped, struct torn_meta, .on_drop = torn_drop);
META_TYPE_OF(torn_unique, struct torn_meta);

#define torn_shared_meta  torn_meta
#define torn_dropped_meta torn_meta
#define torn_unique_meta  torn_meta

#define FRAMES_DEFAULT 16
#define FRAMES_MAX     512
#define BOARD_SIZE     4
#define SWAP_INTERVAL  64 /* rounds */
#define TAG_KNOWN      (UINT64_C(1) << 63)
#define TAG_ROTATION   17

OPTION(frames, .name = "frames", .of = "torn", .value = OPTION_TAKES_NUMBER, .min = 1,
       .max = FRAMES_MAX, .fallback = FRAMES_DEFAULT, .unit = "frames",
       .help = "frames that each CPU changes");

static unsigned frames; /* of each processor */
static struct meta_slot *held[MAX_CPUS][FRAMES_MAX];
static struct meta_slot *board[BOARD_SIZE];

static uint64_t torn_number(const struct meta_type *type)
{
	return type == &meta_type_torn_shared ? 1 : type == &meta_type_torn_dropped ? 2 : 3;
}

static uint64_t rotate(uint64_t word)
{
	return word << TAG_ROTATION | word >> (64 - TAG_ROTATION);
}

/* Makes a set that no frame has had before. `tag` is 0 or TAG_KNOWN and a generation. */
static struct torn_meta new_set(struct worker *worker, const struct meta_type *type, uint64_t tag)
{
	struct torn_meta meta = {
		.b = random_next(&worker->random),
		.c = worker->counters->operations,
	};

	meta.a = meta.b ^ meta.c;
	meta.d = meta.a * (2 * torn_number(type) + 1);
	meta.e = ~meta.a;
	meta.tag = rotate(meta.e) ^ tag;
	return meta;
}

static bool is_whole(const struct torn_meta *meta, const struct meta_type *type)
{
	return meta->a == (meta->b ^ meta->c) && meta->e == ~meta->a &&
	       meta->d == meta->a * (2 * torn_number(type) + 1);
}

/* Checks what the frame's owner may rely on. */
static void check_set(struct worker *worker, struct meta_slot *slot)
{
	frame_t frame = {slot};
	const struct torn_meta *meta = (const struct torn_meta *)slot->storage;
	uint64_t tag = meta->tag ^ rotate(meta->e);

	worker_check(worker, is_whole(meta, frame_type(frame)), "the set is torn", frame);
	worker_check(worker,
		     tag == 0 || tag == (TAG_KNOWN | slot_state_generation(slot_load(slot))),
		     "the set is of another generation", frame);
}

static void torn_drop(void *meta, struct frame_reader *bytes)
{
	(void)bytes;
	worker_check(worker_current(), is_whole(meta, &meta_type_torn_dropped),
		     "on_drop got a torn set", FRAME_NONE);
}

/* The generation that the next change in place gives the slot. */
static uint64_t next_tag(unique_frame_t frame)
{
	return TAG_KNOWN | (uint32_t)(slot_state_generation(slot_load(frame.slot)) + 1);
}

/* Null when no memory is free; then the next round tries again. */
static struct meta_slot *alloc_shared(struct worker *worker, unsigned kind)
{
	if (kind == 0) {
		struct torn_meta meta = new_set(worker, &meta_type_torn_shared, 0);

		return worker_alloc(worker, torn_shared, &meta).slot;
	}
	struct torn_meta meta = new_set(worker, &meta_type_torn_dropped, 0);

	return worker_alloc(worker, torn_dropped, &meta).slot;
}

static struct meta_slot *alloc_unique(struct worker *worker)
{
	struct torn_meta meta = new_set(worker, &meta_type_torn_unique, 0);

	return worker_unique_alloc(worker, torn_unique, &meta).slot;
}

/* Changes all words of the set at once, or one by one in another order. */
static void change(struct worker *worker, unique_frame_t frame)
{
	struct torn_meta meta = new_set(worker, &meta_type_torn_unique, next_tag(frame));

	if (meta.b & 1) {
		unique_change(frame, torn_unique, &meta);
		return;
	}
	unique_begin(frame);
	unique_set(frame, torn_unique, tag, meta.tag);
	unique_set(frame, torn_unique, c, meta.c);
	unique_set(frame, torn_unique, e, meta.e);
	unique_set(frame, torn_unique, a, meta.a);
	unique_set(frame, torn_unique, d, meta.d);
	unique_set(frame, torn_unique, b, meta.b);
	unique_end(frame);
}

/* Shares the frame and back, replaces its type, or replaces the frame. */
static struct meta_slot *step_unique(struct worker *worker, struct meta_slot *slot)
{
	unique_frame_t frame = {slot};
	const struct meta_type *type = unique_type(frame);
	struct torn_meta meta;

	switch (random_below(&worker->random, 4)) {
	case 0:
		if (!unique_from_shared(unique_share(frame), &frame))
			worker_check(worker, false, "not alone again", (frame_t){slot});
		return slot;
	case 1:
		worker_unique_drop(worker, frame);
		return alloc_unique(worker);
	default:
		type = type == &meta_type_torn_unique ? &meta_type_torn_dropped
						      : &meta_type_torn_unique;
		meta = new_set(worker, type, next_tag(frame));
		worker_unique_replace(worker, frame, type, &meta);
		return slot;
	}
}

/* Swaps a shared frame for the one on the board, after taking a second reference for a moment, as holders do. */
static struct meta_slot *swap_on_board(struct worker *worker, struct meta_slot *slot)
{
	uint32_t at = random_below(&worker->random, BOARD_SIZE);

	worker_put(worker, worker_get(worker, (frame_t){slot}));
	/* acq_rel: the frame travels with everything its owner did to it. */
	return __atomic_exchange_n(&board[at], slot, __ATOMIC_ACQ_REL);
}

/* Frees a frame and allocates it again: at once or, for the type with on_drop, in the next round. */
static struct meta_slot *step_shared(struct worker *worker, struct meta_slot *slot, unsigned kind,
				     bool swap)
{
	if (slot && swap)
		slot = swap_on_board(worker, slot);
	if (slot) {
		worker_put(worker, (frame_t){slot});
		if (kind == 1)
			return NULL;
	}
	return alloc_shared(worker, kind);
}

static void step(struct worker *worker, unsigned at, bool swap)
{
	struct meta_slot **mine = &held[worker->cpu][at];
	unsigned kind = at % 4;

	if (*mine)
		check_set(worker, *mine);
	if (kind < 2)
		*mine = step_shared(worker, *mine, kind, swap);
	else if (!*mine)
		*mine = alloc_unique(worker);
	else if (kind == 2)
		change(worker, (unique_frame_t){*mine});
	else
		*mine = step_unique(worker, *mine);
}

static void torn_prepare(unsigned cpus)
{
	(void)cpus;
	frames = (unsigned)option_take_number(&option_frames);
}

static void torn_run(struct worker *worker)
{
	unsigned at = 0, round = 0;

	while (worker_continue(worker)) {
		step(worker, at, round % SWAP_INTERVAL == 0);
		if (++at == frames) {
			at = 0;
			round++;
		}
	}
}

WORKLOAD(torn, OPTION_STRESSES, "metadata that changes as fast as it can", .prepare = torn_prepare,
	 .run = torn_run);
