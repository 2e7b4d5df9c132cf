/* SPDX-License-Identifier: MPL-2.0 */
/* Allocations beside frames that the host holds: see keeper_rows.h. */
#include "tests/bench/keeper_rows.h"

#include <time.h>

#include <pagevisor/keeper.h>

#include "base/clock.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/frame_put.h"
#include "tests/bench/frame_rows.h"

#define FAILURES 5000 /* allocations that fail, in a turn */
#define BLOCK    512

static uint64_t first; /* the allocator's frames */
static uint64_t count;

/* Of this thread, which is the only one: other load only makes it wait. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Picoseconds, as of bench_per_operation. */
static uint64_t per_operation(uint64_t start_ns, uint64_t operations)
{
	return (cpu_ns() - start_ns) * 1000 / operations;
}

static struct meta_slot *slot_of(uint64_t i)
{
	return pfn_to_meta(pfn(first + i));
}

/* The host takes every `step`-th frame, all of which are free. */
static void host_take(uint64_t step)
{
	for (uint64_t i = 0; i < count; i += step)
		(void)slot_host_claim(slot_of(i));
}

/* The host takes all but the first frame of each block, so that none can be put aside as a whole. */
static void host_take_most(void)
{
	for (uint64_t i = 0; i < count; i++)
		if (i % BLOCK)
			(void)slot_host_claim(slot_of(i));
}

static void host_take_half(void)
{
	host_take(2);
}

static void host_take_none(void)
{
}

/* Each block's first frame goes last. */
static void host_let_go(void)
{
	for (uint64_t i = count; i-- > 0;)
		slot_host_release(slot_of(i));
	/* More hints than the ring holds: all that is parked is looked at. */
	__atomic_fetch_add(&frame_keeper.hint_head, KEEPER_HINTS, __ATOMIC_RELEASE);
	__atomic_fetch_add(&frame_keeper.released, 1, __ATOMIC_RELEASE);
	frame_alloc_merge();
}

static uint32_t take_all(void)
{
	uint32_t taken = 0;

	while ((bench_frames.held[taken] = bench_alloc(taken)).slot)
		taken++;
	return taken;
}

static void put_all(uint32_t taken)
{
	while (taken)
		frame_put(bench_frames.held[--taken]);
}

/* An allocation that must fail. */
static void expect_none(void)
{
	if (bench_alloc(0).slot)
		platform_abort("a frame of the host was allocated", paddr(0), 0);
}

static uint64_t fail_beside(void (*take)(void))
{
	take();

	uint32_t taken = take_all();
	uint64_t start = cpu_ns();

	for (unsigned i = 0; i < FAILURES; i++)
		expect_none();

	uint64_t result = per_operation(start, FAILURES);

	put_all(taken);
	host_let_go();
	return result;
}

static uint64_t failing(void)
{
	return fail_beside(host_take_half);
}

static uint64_t failing_alone(void)
{
	return fail_beside(host_take_none);
}

static uint64_t failing_beside_most(void)
{
	return fail_beside(host_take_most);
}

/* The first allocations after the host has taken its frames. */
static uint64_t pass_beside(uint64_t step)
{
	if (step)
		host_take(step);

	uint64_t start = cpu_ns();
	uint32_t taken = take_all();
	uint64_t result = per_operation(start, taken);

	put_all(taken);
	host_let_go();
	return result;
}

static uint64_t first_pass(void)
{
	return pass_beside(2);
}

static uint64_t first_pass_alone(void)
{
	return pass_beside(0);
}

/* Later ones. */
static uint64_t steady_beside(uint64_t step)
{
	if (step)
		host_take(step);
	put_all(take_all());

	uint64_t start = cpu_ns();
	uint32_t taken = take_all();

	put_all(taken);

	uint64_t result = per_operation(start, taken);

	host_let_go();
	return result;
}

static uint64_t steady(void)
{
	return steady_beside(2);
}

static uint64_t steady_alone(void)
{
	return steady_beside(0);
}

/* All blocks are the host's: the allocation that finds this out, for each frame. */
static uint64_t park_blocks(void)
{
	host_take(1);

	uint64_t start = cpu_ns();

	expect_none();

	uint64_t result = per_operation(start, count);

	host_let_go();
	return result;
}

/* Frees every other frame of all, which are then the host's: the allocation that finds this out, for each of them. */
static uint64_t put_aside(void)
{
	uint32_t taken = take_all(), kept = 0, freed = 0;

	for (uint32_t i = 0; i < taken; i++) {
		struct meta_slot *slot = bench_frames.held[i].slot;

		if (meta_to_pfn(slot).index % 2) {
			bench_frames.held[kept++] = bench_frames.held[i];
		} else {
			frame_put(bench_frames.held[i]);
			freed += slot_host_claim(slot);
		}
	}
	uint64_t start = cpu_ns();

	expect_none();

	uint64_t result = per_operation(start, freed);

	put_all(kept);
	host_let_go();
	return result;
}

/*
 * Each block has one frame that is not the host's, so the others are put aside, each by itself, but many under one lock. One
 * allocation in 512 succeeds meanwhile.
 */
static uint64_t put_aside_many(void)
{
	host_take_most();

	uint64_t start = cpu_ns();
	uint32_t taken = take_all();
	uint64_t result = per_operation(start, count - taken);

	put_all(taken);
	host_let_go();
	return result;
}

/* Looks at the state of each frame of each block twice. */
static uint64_t look_twice(void)
{
	uint64_t sum = 0;
	uint64_t start = cpu_ns();

	for (uint64_t block = 0; block < count; block += BLOCK)
		for (unsigned i = 0; i < 2 * BLOCK; i++)
			sum += slot_load(slot_of(block + i % BLOCK));

	uint64_t result = per_operation(start, count);

	/* Used, so that the loads stay. */
	return result + (sum == 1);
}

void bench_run_keeper_table(uint64_t first_frame, uint64_t frames)
{
	static const struct bench_row rows[] = {
		{"failing allocation", failing, "nothing is the host's", failing_alone, 150, false},
		{"first pass, half host", first_pass, "nothing is the host's", first_pass_alone, 0,
		 false},
		{"steady, half host", steady, "nothing is the host's", steady_alone, 150, false},
		{"parking a block, a frame", park_blocks, "one put aside", put_aside, 25, false},
		{"the same", park_blocks, "511 put aside, a frame", put_aside_many, 0, false},
		{"the same", park_blocks, "two looks at each", look_twice, 0, false},
	};

	first = first_frame;
	count = frames;
	bench_print_heading("the host's frames");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bench_run_row(&rows[i]);
}

void bench_run_million_table(uint64_t first_frame, uint64_t frames)
{
	static const struct bench_row row = {"failing beside 10^6",
					     failing_beside_most,
					     "nothing is the host's",
					     failing_alone,
					     200,
					     false};

	first = first_frame;
	count = frames;
	bench_print_heading("a million of the host's");
	bench_run_row(&row);
}
