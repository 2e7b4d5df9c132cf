/* SPDX-License-Identifier: MPL-2.0 */
/*
 * types: frames of many types, small and full, aligned, with and without on_drop, converted into one another. Whatever
 * type a frame has, its metadata must be that type's.
 */
#include "workload/workload.h"

#define PLACES     128 /* frames of each processor */
#define BOARD_SIZE 64

/* All of them begin with a key; each has its own way to check that it is whole. */
struct kind_small_meta {
	uint8_t key;
	uint8_t check; /* 255 - key */
};
META_TYPE(kind_small);

struct kind_odd_meta {
	uint8_t key;
	uint8_t bytes[18]; /* key + 1, key + 2 .. */
};
META_TYPE(kind_odd, .is_untyped = true);

struct kind_aligned_meta {
	uint64_t key;
	uint64_t squares[3]; /* key^2, key^4, key^8 */
} __attribute__((aligned(SLOT_ALIGN_MAX)));
META_TYPE(kind_aligned);

struct kind_full_meta {
	uint64_t key;
	uint64_t words[5]; /* ~key, key, ~key .. */
};
static void kind_full_drop(void *meta, struct frame_reader *bytes);
META_TYPE(kind_full, .on_drop = kind_full_drop);

union any_kind {
	struct kind_small_meta small;
	struct kind_odd_meta odd;
	struct kind_aligned_meta aligned;
	struct kind_full_meta full;
};

static void fill_small(union any_kind *meta, uint64_t key)
{
	meta->small = (struct kind_small_meta){(uint8_t)key, (uint8_t)(UINT8_MAX - (uint8_t)key)};
}

static bool small_is_whole(const void *meta)
{
	const struct kind_small_meta *small = meta;

	return small->check + small->key == UINT8_MAX;
}

static void fill_odd(union any_kind *meta, uint64_t key)
{
	meta->odd.key = (uint8_t)key;
	for (unsigned i = 0; i < sizeof(meta->odd.bytes); i++)
		meta->odd.bytes[i] = (uint8_t)(key + 1 + i);
}

static bool odd_is_whole(const void *meta)
{
	const struct kind_odd_meta *odd = meta;

	for (unsigned i = 0; i < sizeof(odd->bytes); i++)
		if (odd->bytes[i] != (uint8_t)(odd->key + 1 + i))
			return false;
	return true;
}

static void fill_aligned(union any_kind *meta, uint64_t key)
{
	meta->aligned.key = key;
	for (unsigned i = 0; i < 3; i++)
		meta->aligned.squares[i] = key *= key;
}

static bool aligned_is_whole(const void *meta)
{
	const struct kind_aligned_meta *aligned = meta;
	uint64_t key = aligned->key;

	for (unsigned i = 0; i < 3; i++)
		if (aligned->squares[i] != (key *= key))
			return false;
	return (uintptr_t)meta % SLOT_ALIGN_MAX == 0;
}

static void fill_full(union any_kind *meta, uint64_t key)
{
	meta->full.key = key;
	for (unsigned i = 0; i < 5; i++)
		meta->full.words[i] = i % 2 ? key : ~key;
}

static bool full_is_whole(const void *meta)
{
	const struct kind_full_meta *full = meta;

	for (unsigned i = 0; i < 5; i++)
		if (full->words[i] != (i % 2 ? full->key : ~full->key))
			return false;
	return true;
}

static const struct kind {
	const struct meta_type *type;
	void (*fill)(union any_kind *meta, uint64_t key);
	bool (*is_whole)(const void *meta);
} kinds[] = {
	{&meta_type_kind_small, fill_small, small_is_whole},
	{&meta_type_kind_odd, fill_odd, odd_is_whole},
	{&meta_type_kind_aligned, fill_aligned, aligned_is_whole},
	{&meta_type_kind_full, fill_full, full_is_whole},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static frame_t held[MAX_CPUS][PLACES];
static struct meta_slot *board[BOARD_SIZE];

static void kind_full_drop(void *meta, struct frame_reader *bytes)
{
	(void)bytes;
	worker_check(worker_current(), full_is_whole(meta), "on_drop got torn metadata",
		     FRAME_NONE);
}

static const struct kind *any_kind(struct worker *worker, union any_kind *meta)
{
	const struct kind *kind = &kinds[random_below(&worker->random, KINDS)];

	*meta = (union any_kind){0};
	kind->fill(meta, random_next(&worker->random));
	return kind;
}

/* For any holder of a reference. False when the frame is of none of these types. */
static bool check_kind(struct worker *worker, frame_t frame)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (frame_type(frame) == kinds[i].type) {
			worker_check(worker, kinds[i].is_whole(frame.slot->storage),
				     "metadata is not that of the frame's type", frame);
			return true;
		}
	return false;
}

static frame_t alloc_any(struct worker *worker)
{
	union any_kind meta;
	const struct kind *kind = any_kind(worker, &meta);

	return worker_count_alloc(worker, kind->type,
				  frame_alloc_claim(kind->type, &meta, kind->type->size, 1));
}

/* Changes the frame's type, if nobody else holds it. */
static void turn(struct worker *worker, frame_t frame)
{
	union any_kind meta;
	const struct kind *kind = any_kind(worker, &meta);
	unique_frame_t alone;

	if (!unique_from_shared(frame, &alone))
		return;
	worker_unique_replace(worker, alone, kind->type, &meta);
	worker_check(worker, unique_type(alone) == kind->type, "a frame kept its old type", frame);
	frame = unique_share(alone);
}

static void swap_on_board(struct worker *worker, frame_t *mine)
{
	uint32_t at = random_below(&worker->random, BOARD_SIZE);

	/* acq_rel: the frame travels with everything its holder did to it. */
	mine->slot = __atomic_exchange_n(&board[at], mine->slot, __ATOMIC_ACQ_REL);
}

static void try_address(struct worker *worker, frame_t near)
{
	uint64_t distance = random_below(&worker->random, PLACES) * PAGE_SIZE;
	frame_t frame = worker_get_at(worker, paddr(frame_paddr(near).addr + distance));

	if (!frame.slot)
		return;
	check_kind(worker, frame);
	worker_put(worker, frame);
}

static void step(struct worker *worker)
{
	frame_t *mine = &held[worker->cpu][random_below(&worker->random, PLACES)];

	if (!mine->slot) {
		*mine = alloc_any(worker);
		return;
	}
	worker_check(worker, check_kind(worker, *mine), "a frame is of a type that nobody gave it",
		     *mine);
	switch (random_below(&worker->random, 4)) {
	case 0:
		turn(worker, *mine);
		break;
	case 1:
		swap_on_board(worker, mine);
		break;
	case 2:
		try_address(worker, *mine);
		break;
	default:
		worker_put(worker, *mine);
		*mine = FRAME_NONE;
	}
}

static void types_run(struct worker *worker)
{
	while (worker_continue(worker))
		step(worker);
}

WORKLOAD(types, OPTION_MIXES | OPTION_STRESSES, "many types that turn into one another",
	 .run = types_run);
