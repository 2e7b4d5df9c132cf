/* SPDX-License-Identifier: MPL-2.0 */
/*
 * swing: a working set that grows to a share of memory, stays, shrinks to another, stays, and so on. Each frame's bytes are
 * written and checked. What is free at the low end has been in use a moment ago: a guest that does not give memory back by
 * itself.
 */
#include "scenario/chain.h"

#define BATCH 16 /* frames taken, or given back, in a step */

OPTION(swing_low, .name = "low", .of = "swing", .value = OPTION_TAKES_NUMBER, .max = 100,
       .fallback = 5, .unit = "percent", .help = "memory in use at the low end");
OPTION(swing_high, .name = "high", .of = "swing", .value = OPTION_TAKES_NUMBER, .max = 100,
       .fallback = 60, .unit = "percent", .help = "memory in use at the high end");
OPTION(swing_hold, .name = "hold", .of = "swing", .value = OPTION_TAKES_NUMBER, .max = UINT64_MAX,
       .fallback = 4096, .unit = "steps", .help = "steps of each CPU at each end");

static struct swing {
	struct chain chain;
	uint64_t held_steps; /* at this end */
	bool shrinks;
} swings[MAX_CPUS];

static uint64_t low, high; /* frames of each processor */
static uint64_t hold;

static void swing_prepare(unsigned cpus)
{
	uint64_t frames = workload_frames_max() / cpus;

	low = frames * option_take_number(&option_swing_low) / 100;
	high = frames * option_take_number(&option_swing_high) / 100;
	hold = option_take_number(&option_swing_hold);
}

/* Moves towards this end. False when it is there, or memory is full. */
static bool move(struct worker *worker, struct swing *swing)
{
	if (swing->shrinks)
		return swing->chain.count > low && chain_shrink(worker, &swing->chain);
	return swing->chain.count < high && chain_grow(worker, &swing->chain);
}

/* At an end it frees one frame and takes another. */
static void stay(struct worker *worker, struct swing *swing)
{
	if (chain_shrink(worker, &swing->chain))
		chain_grow(worker, &swing->chain);
	if (++swing->held_steps < hold)
		return;
	swing->held_steps = 0;
	swing->shrinks = !swing->shrinks;
}

static void step(struct worker *worker, struct swing *swing)
{
	for (unsigned i = 0; i < BATCH; i++)
		if (!move(worker, swing)) {
			stay(worker, swing);
			return;
		}
}

static void swing_run(struct worker *worker)
{
	while (worker_continue(worker))
		step(worker, &swings[worker->cpu]);
}

WORKLOAD(swing, OPTION_MIXES | OPTION_STRESSES, "a working set that grows and shrinks",
	 .prepare = swing_prepare, .run = swing_run);
