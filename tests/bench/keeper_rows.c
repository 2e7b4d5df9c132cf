/* SPDX-License-Identifier: MPL-2.0 */
/* Allocations beside frames that the host holds: see keeper_rows.h. */
#include "tests/bench/keeper_rows.h"

#include <pagevisor/keeper.h>

#include "pagemeta/frame_alloc.h"
#include "pagemeta/frame_put.h"
#include "tests/bench/frame_rows.h"

#define FAILURES 2000 /* allocations that fail, in a turn */
#define BLOCK    512

static uint64_t first; /* the allocator's frames */
static uint64_t count;

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

static uint64_t fail_beside(uint64_t step)
{
	if (step)
		host_take(step);

	uint32_t taken = take_all();
	uint64_t start = bench_now_ns();

	for (unsigned i = 0; i < FAILURES; i++)
		expect_none();

	uint64_t result = bench_per_operation(start, FAILURES);

	put_all(taken);
	host_let_go();
	return result;
}

static uint64_t failing(void)
{
	return fail_beside(2);
}

static uint64_t failing_alone(void)
{
	return fail_beside(0);
}

/* The first allocations after the host has taken its frames. */
static uint64_t pass_beside(uint64_t step)
{
	if (step)
		host_take(step);

	uint64_t start = bench_now_ns();
	uint32_t taken = take_all();
	uint64_t result = bench_per_operation(start, taken);

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

	uint64_t start = bench_now_ns();
	uint32_t taken = take_all();

	put_all(taken);

	uint64_t result = bench_per_operation(start, taken);

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

	uint64_t start = bench_now_ns();

	expect_none();

	uint64_t result = bench_per_operation(start, count);

	host_let_go();
	return result;
}

/* Looks at the state of each frame of each block twice. */
static uint64_t look_twice(void)
{
	uint64_t sum = 0;
	uint64_t start = bench_now_ns();

	for (uint64_t block = 0; block < count; block += BLOCK)
		for (unsigned i = 0; i < 2 * BLOCK; i++)
			sum += slot_load(slot_of(block + i % BLOCK));

	uint64_t result = bench_per_operation(start, count);

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
		{"parking a block, a frame", park_blocks, "two looks at each", look_twice, 0,
		 false},
	};

	first = first_frame;
	count = frames;
	bench_print_heading("the host's frames");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bench_run_row(&rows[i]);
}
