/* SPDX-License-Identifier: MPL-2.0 */
/*
 * drain: allocates all memory, first in the largest blocks available, then frame by frame. Then frees all of it in
 * another order, and the largest blocks must form again.
 */
#include "scenario/chain.h"

/* `start` is a random key, the same in all frames of a block. */
struct drain_block_meta {
	uint64_t start;
	uint64_t index;
};
META_TYPE(drain_block);

#define BLOCKS    256 /* that each processor holds */
#define ORDER_MAX 9   /* 2 MiB */

enum phase { FILL_BLOCKS, FILL_FRAMES, GIVE_BACK };

static struct drain {
	enum phase phase;
	unsigned order; /* the order to try next */
	uint64_t blocks;
	struct segment block[BLOCKS];
	struct chain chain;
} drains[MAX_CPUS];

static void number(void *context, uint64_t index, struct drain_block_meta *block)
{
	block->start = *(const uint64_t *)context;
	block->index = index;
}

static void fill_blocks(struct worker *worker, struct drain *drain)
{
	uint64_t count = UINT64_C(1) << drain->order;
	uint64_t key = random_next(&worker->random);
	struct segment *block = &drain->block[drain->blocks];

	if (drain->blocks < BLOCKS &&
	    worker_segment_alloc(worker, drain_block, count, count, number, &key, block))
		drain->blocks++;
	else if (drain->order > 0 && drain->blocks < BLOCKS)
		drain->order--;
	else
		drain->phase = FILL_FRAMES;
}

static void check_block(struct worker *worker, const struct segment *block)
{
	uint64_t start = frame_borrow_meta(segment_frame(block, 0), drain_block)->start;
	uint64_t at = 0;

	segment_for_each (borrowed, block) {
		const struct drain_block_meta *meta = frame_borrow_meta(borrowed, drain_block);

		worker_check(worker, meta->start == start && meta->index == at++,
			     "a frame of a block is another's",
			     (frame_t){(struct meta_slot *)borrowed.slot});
	}
}

/* Blocks in any order, and single frames in between. */
static void give_back(struct worker *worker, struct drain *drain)
{
	if (drain->blocks > 0) {
		struct segment *block =
			&drain->block[random_below(&worker->random, (uint32_t)drain->blocks)];
		struct segment *last = &drain->block[--drain->blocks];
		struct segment given = *block;

		*block = *last;
		check_block(worker, &given);
		worker_segment_drop(worker, &given);
	}
	for (uint64_t i = drain->chain.count / (drain->blocks + 1); i > 0; i--)
		chain_shrink(worker, &drain->chain);
	if (drain->blocks == 0 && drain->chain.count == 0)
		*drain = (struct drain){.order = random_below(&worker->random, ORDER_MAX + 1)};
}

static void step(struct worker *worker, struct drain *drain)
{
	switch (drain->phase) {
	case FILL_BLOCKS:
		fill_blocks(worker, drain);
		break;
	case FILL_FRAMES:
		if (!chain_grow(worker, &drain->chain))
			drain->phase = GIVE_BACK;
		break;
	default:
		give_back(worker, drain);
	}
}

static void drain_run(struct worker *worker)
{
	struct drain *drain = &drains[worker->cpu];

	while (worker_continue(worker))
		step(worker, drain);
	while (drain->blocks > 0 || drain->chain.count > 0)
		give_back(worker, drain);
	*drain = (struct drain){.order = ORDER_MAX};
}

static void drain_prepare(unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		drains[cpu] = (struct drain){.order = ORDER_MAX};
}

/*
 * All frames are free again, except those that others hold, so they make as few blocks as possible: a block below the
 * largest order has no free buddy.
 */
static void drain_finish(struct worker *worker)
{
	struct frame_alloc_stats stats;
	struct segment block;

	worker_check_books(worker);
	frame_alloc_merge();
	frame_alloc_read_stats(&stats);
	uint64_t count = UINT64_C(1) << ORDER_MAX;
	bool made = worker_segment_alloc(worker, drain_block, count, count, number, &count, &block);

	worker_check(worker,
		     made || workload_frames_max() < stats.managed || stats.managed < 4 * count,
		     "no large block after all was given back", (frame_t){pfn_to_meta(pfn(0))});
	if (made)
		worker_segment_drop(worker, &block);
}

WORKLOAD(drain, OPTION_MIXES | OPTION_STRESSES, "memory taken to the last frame and given back",
	 .prepare = drain_prepare, .run = drain_run, .finish = drain_finish);
