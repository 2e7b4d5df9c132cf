/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Blocks of 512 frames on two CPUs, single frames of aged memory, and every load beside the plainest one: the tables
 * from BENCH_ORDER_9 on. See frame_rows.h.
 */
#include "pagemeta/frame_put.h"
#include "tests/bench/frame_rows.h"

#define BLOCK_FRAMES UINT64_C(512)
#define BLOCKS_MAX   1024
#define ROUNDS       32 /* of taking all blocks and giving them back */

/* What the CPUs do: set by CPU 0 before they start. */
static struct {
	unsigned cpus;
	bool is_random; /* frees in random order */
	bool crosses;   /* each CPU frees what the other took */
} load;

static uint32_t block_order[BLOCKS_MAX];

static uint32_t block_count(void)
{
	uint64_t count = bench_frames.count / (2 * BLOCK_FRAMES) & ~UINT64_C(1);

	if (count < 2)
		return 2;
	return count < BLOCKS_MAX ? (uint32_t)count : BLOCKS_MAX;
}

/*
 * Waits until both CPUs are here, if one is going to free what the other took. Acquire and release: what one did before
 * is visible to the other behind it.
 */
static void meet(void)
{
	static uint32_t arrived;

	if (!load.crosses)
		return;

	uint32_t both = (__atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL) | 1) + 1;

	while ((int32_t)(__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) - both) < 0)
		platform_relax();
}

static void take_blocks(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		pfn_t block;

		bench_frames.held[i] = FRAME_NONE;
		if (frame_alloc_take(BLOCK_FRAMES, BLOCK_FRAMES, &block))
			bench_frames.held[i].slot = pfn_to_meta(block);
	}
}

static void give_block(uint32_t i)
{
	const struct meta_slot *slot = bench_frames.held[i].slot;

	if (slot)
		frame_alloc_give(meta_to_pfn(slot), BLOCK_FRAMES);
}

static void give_blocks(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		give_block(load.is_random ? from + block_order[i - from] : i);
}

static void block_rounds(unsigned cpu)
{
	const uint32_t share = block_count() / load.cpus;
	const uint32_t own = cpu * share;
	const uint32_t freed = load.crosses ? !cpu * share : own;

	for (unsigned round = 0; round < ROUNDS; round++) {
		take_blocks(own, own + share);
		meet();
		give_blocks(freed, freed + share);
		meet();
	}
}

static void one_block(unsigned cpu)
{
	(void)cpu;
	for (uint32_t i = 0; i < bench_frames.count / 4; i++) {
		pfn_t block;

		if (frame_alloc_take(BLOCK_FRAMES, BLOCK_FRAMES, &block))
			frame_alloc_give(block, BLOCK_FRAMES);
	}
}

static void free_frames(const frame_t *held, uint32_t count)
{
	if (load.is_random)
		for (uint32_t i = 0; i < count; i++)
			frame_put(held[bench_frames.order[i]]);
	else
		for (uint32_t i = 0; i < count; i++)
			frame_put(held[i]);
}

static void half_of_frames(unsigned cpu)
{
	const uint32_t half = bench_frames.count / 2;
	frame_t *own = &bench_frames.held[cpu * half];

	for (uint32_t i = 0; i < half; i++)
		own[i] = bench_alloc(i);
	meet();
	free_frames(load.crosses ? &bench_frames.held[!cpu * half] : own, half);
}

/* Runs `work` on one CPU or two. Returns the time for each of `count` operations. */
static uint64_t run(unsigned cpus, void (*work)(unsigned cpu), uint64_t count)
{
	load.cpus = cpus;
	if (load.is_random && work == block_rounds)
		bench_permute(block_order, block_count() / cpus, 88172645463325252);
	if (load.is_random && work == half_of_frames)
		bench_permute(bench_frames.order, bench_frames.count / 2, 88172645463325252);

	uint64_t start = bench_now_ns();

	if (cpus == 1)
		work(0);
	else
		bench_on_two_cpus(work);
	return bench_per_operation(start, count);
}

static uint64_t run_blocks(unsigned cpus, bool is_random, bool crosses)
{
	load.is_random = is_random;
	load.crosses = crosses;
	return run(cpus, block_rounds, (uint64_t)block_count() * ROUNDS);
}

static uint64_t run_halves(bool is_random, bool crosses)
{
	load.is_random = is_random;
	load.crosses = crosses;
	return run(2, half_of_frames, bench_frames.count);
}

/* ---- throughput: nanoseconds for each operation, both CPUs together ---- */

static uint64_t one_bulk(void)
{
	return run_blocks(1, false, false);
}

static uint64_t one_random(void)
{
	return run_blocks(1, true, false);
}

static uint64_t two_bulk(void)
{
	return run_blocks(2, false, false);
}

static uint64_t two_random(void)
{
	return run_blocks(2, true, false);
}

static uint64_t two_crossing(void)
{
	return run_blocks(2, false, true);
}

static uint64_t halves(void)
{
	return run_halves(false, false);
}

#define MACHINE_ROW                                                                                \
	{                                                                                          \
		"the machine itself", bench_two_bare, "bare claim + put, 1 CPU", bench_one_bare,   \
			0, true                                                                    \
	}

static const struct bench_row order_9_rows[] = {
	MACHINE_ROW,
	{"bulk", two_bulk, "one CPU", one_bulk, BENCH_SHARE(80), true},
	{"freed in random order", two_random, "one CPU", one_random, BENCH_SHARE(80), true},
	{"each frees the other's", two_crossing, "one CPU, bulk", one_bulk, 120, true},
	{NULL, NULL, NULL, NULL, 0, false},
};

static const struct bench_row aged_rows[] = {
	MACHINE_ROW,
	{"bulk", halves, "one CPU", bench_bulk, BENCH_SHARE(80), true},
	{NULL, NULL, NULL, NULL, 0, false},
};

/* Frees single frames in random order, so the free lists are in random order from now on. */
static void age(void)
{
	bench_at_random();
}

/* ---- each load beside the plainest one: nanoseconds for each operation of a CPU ---- */

#define ON_TWO(per_operation) (2 * (per_operation)) /* per operation of each CPU, not of both */

static uint64_t repeat_two(void)
{
	return run(2, bench_alloc_and_put, bench_frames.count);
}

static uint64_t fresh_one(void)
{
	frame_alloc_merge();
	return bench_bulk();
}

static uint64_t fresh_two(void)
{
	frame_alloc_merge();
	return ON_TWO(halves());
}

static uint64_t aged_two(void)
{
	return ON_TWO(halves());
}

static uint64_t random_two(void)
{
	return ON_TWO(run_halves(true, false));
}

static uint64_t crossing(void)
{
	return ON_TWO(run_halves(false, true));
}

static uint64_t block_repeat_one(void)
{
	return run(1, one_block, bench_frames.count / 4);
}

static uint64_t block_repeat_two(void)
{
	return run(2, one_block, bench_frames.count / 4);
}

static uint64_t block_bulk_two(void)
{
	return ON_TWO(two_bulk());
}

static uint64_t block_random_two(void)
{
	return ON_TWO(two_random());
}

static uint64_t block_crossing(void)
{
	return ON_TWO(two_crossing());
}

#define BESIDE_REPEAT(name, function)                                                              \
	{                                                                                          \
		name, function, "order 0, repeat, 1 CPU", bench_alloc_put, 0, false                \
	}

/* The random rows come last of those of single frames, and age the memory for "aged". */
static const struct bench_row repeat_rows[] = {
	BESIDE_REPEAT("order 0, repeat, 2 CPUs", repeat_two),
	BESIDE_REPEAT("bulk, fresh, 1 CPU", fresh_one),
	BESIDE_REPEAT("bulk, fresh, 2 CPUs", fresh_two),
	BESIDE_REPEAT("random, 1 CPU", bench_at_random),
	BESIDE_REPEAT("random, 2 CPUs", random_two),
	BESIDE_REPEAT("bulk, aged, 2 CPUs", aged_two),
	BESIDE_REPEAT("each frees the other's", crossing),
	BESIDE_REPEAT("order 9, repeat, 1 CPU", block_repeat_one),
	BESIDE_REPEAT("order 9, repeat, 2 CPUs", block_repeat_two),
	BESIDE_REPEAT("order 9, bulk, 1 CPU", one_bulk),
	BESIDE_REPEAT("order 9, bulk, 2 CPUs", block_bulk_two),
	BESIDE_REPEAT("order 9, random, 2 CPUs", block_random_two),
	BESIDE_REPEAT("order 9, the other's", block_crossing),
	{NULL, NULL, NULL, NULL, 0, false},
};

const struct bench_rows bench_two_cpu_tables[] = {
	{"order 9, two CPUs", NULL, order_9_rows},
	{"aged, two CPUs", age, aged_rows},
	{"a pair, by each CPU", NULL, repeat_rows},
};
