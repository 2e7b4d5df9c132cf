/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs of frames against a plain model, one flag for each frame: random takes and gives of all lengths, on several
 * CPUs in turn, together with single frames. After each operation the allocator and the model have the same number of
 * free frames; no frame has two owners; and a run is refused only if the model has no free block for it either.
 *
 * PAGEVISOR_SEED=N repeats a run.
 */
#include "unit/suites.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "pagemeta/frame_pool.h"
#include "unit/fixture.h"

#define MEMORY_SIZE (512 * MIB)
#define FRAMES      (MEMORY_SIZE / PAGE_SIZE)
#define HELD_MAX    400
#define STEPS       100000
#define CPUS        4
#define SINGLES_MAX 1000
#define TURN        1000 /* steps between filling and emptying, on average */

static const struct stamp_meta stamp = {.a = 4, .b = 5, .c = 6};

static struct {
	bool is_free[FRAMES];
	uint64_t free;
	unsigned held;
	struct {
		pfn_t first;
		uint64_t count;
	} runs[HELD_MAX];
	unsigned singles;
	frame_t frames[SINGLES_MAX];
	uint64_t seed;
	bool is_filling;
} model;

/* If these did not happen, the test would prove little. */
static struct {
	uint64_t blocks;
	uint64_t long_runs;
	uint64_t refused;
	uint64_t refused_blocks;
	uint64_t spilled;
} events;

static uint64_t below(uint64_t bound)
{
	return random_next(&model.seed) % bound;
}

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("runs", entries);

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);
	memset(&model, 0, sizeof(model));
	memset(&events, 0, sizeof(events));
	for (uint64_t i = 0; i < FRAMES; i++) {
		model.is_free[i] = slot_state_refs(slot_load(pfn_to_meta(pfn(i)))) == REF_UNUSED;
		model.free += model.is_free[i];
	}
}

/* Moves frames between free and taken in the model. Bare comparisons: Check's assertions are slow. */
static void mark(pfn_t first, uint64_t count, bool is_free)
{
	for (uint64_t i = first.index; i < first.index + count; i++) {
		if (i >= FRAMES || model.is_free[i] == is_free)
			ck_abort_msg("frame %" PRIu64 " taken or given twice", i);
		model.is_free[i] = is_free;
	}
	model.free += is_free ? count : -count;
}

/* Whether an aligned block that holds such a run is free. */
static bool has_block(uint64_t count, uint64_t align)
{
	uint64_t size = 1;

	while (size < count || size < align)
		size *= 2;
	for (uint64_t first = 0; first + size <= FRAMES; first += size) {
		uint64_t i = 0;

		while (i < size && model.is_free[first + i])
			i++;
		if (i == size)
			return true;
	}
	return false;
}

static void take(uint64_t count, uint64_t align)
{
	pfn_t first = pfn(UINT64_MAX);

	if (model.held == HELD_MAX)
		return;
	if (!frame_alloc_take(count, align, &first)) {
		ck_assert_uint_eq(first.index, UINT64_MAX);
		ck_assert_msg(!has_block(count, align), "%" PRIu64 " frames were refused", count);
		events.refused++;
		events.refused_blocks += count == FRESH_FRAMES;
		return;
	}
	ck_assert(is_aligned(first.index, align));
	mark(first, count, false);
	model.runs[model.held].first = first;
	model.runs[model.held++].count = count;
	events.blocks += count == FRESH_FRAMES;
	events.long_runs += count > FRESH_FRAMES;
}

/* Gives a run back, whole or in two parts. */
static void give(void)
{
	if (model.held == 0)
		return;

	uint64_t i = below(model.held);
	pfn_t first = model.runs[i].first;
	uint64_t count = model.runs[i].count;
	uint64_t part = below(8) ? 0 : below(count);

	model.runs[i] = model.runs[--model.held];
	mark(first, count, true);
	frame_alloc_give(first, part);
	frame_alloc_give(pfn(first.index + part), count - part);
}

static void take_single(void)
{
	frame_t frame;

	if (model.singles == SINGLES_MAX)
		return;
	frame = frame_alloc(stamp, &stamp);
	ck_assert_msg(frame.slot || model.free == 0, "a frame was refused");
	if (!frame.slot)
		return;
	mark(meta_to_pfn(frame.slot), 1, false);
	model.frames[model.singles++] = frame;
}

static void put_single(void)
{
	if (model.singles == 0)
		return;

	uint64_t i = below(model.singles);
	frame_t frame = model.frames[i];

	model.frames[i] = model.frames[--model.singles];
	mark(meta_to_pfn(frame.slot), 1, true);
	frame_put(frame);
}

static uint64_t random_count(void)
{
	switch (below(16)) {
	case 0:
		return 1 + below(64);
	case 1:
		return 1 + below(4 * FRESH_FRAMES);
	case 2:
		return FRESH_FRAMES << below(3);
	default:
		return FRESH_FRAMES;
	}
}

static void step(void)
{
	/* One CPU may work alone for long: then its stack fills up. */
	if (below(TURN / 4) == 0)
		host_cpu = (unsigned)below(CPUS);
	if (below(TURN) == 0)
		model.is_filling = !model.is_filling;

	bool takes = below(4) ? model.is_filling : !model.is_filling;

	if (below(3) == 0) {
		for (unsigned i = 0; i < 50; i++)
			takes ? take_single() : put_single();
	} else if (takes) {
		take(random_count(), below(8) ? 1 : UINT64_C(1) << below(11));
	} else {
		give();
	}
	if (below(1000) == 0)
		frame_alloc_merge();
	for (unsigned i = 0; i < FRAME_DEPOTS; i++)
		events.spilled += frame_depots[i].lists[DEPOT_BLOCKS].count;
}

static uint64_t seed_from_environment(void)
{
	uint64_t seed;

	ck_assert_int_eq(getrandom(&seed, sizeof(seed), 0), sizeof(seed));
	return test_setting("PAGEVISOR_SEED", seed | 1);
}

START_TEST(runs_and_the_model_agree)
{
	uint64_t seed = seed_from_environment();
	struct frame_alloc_stats before, after;

	frame_alloc_read_stats(&before);
	model.seed = seed;
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		ck_assert_msg(count_free() == model.free,
			      "step %u: %" PRIu64 " frames are free, not %" PRIu64
			      "; PAGEVISOR_SEED=%#" PRIx64,
			      i, count_free(), model.free, seed);
	}
	while (model.held)
		give();
	while (model.singles)
		put_single();
	frame_alloc_merge();
	frame_alloc_read_stats(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_gt(events.blocks, 0);
	ck_assert_uint_gt(events.long_runs, 0);
	ck_assert_uint_gt(events.refused, 0);
	ck_assert_uint_gt(events.refused_blocks, 0);
	ck_assert_uint_gt(events.spilled, 0);
}
END_TEST

Suite *run_model_suite(void)
{
	Suite *suite = suite_create("run_model");
	TCase *tcase = tcase_create("run_model");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_test(tcase, runs_and_the_model_agree);
	suite_add_tcase(suite, tcase);
	return suite;
}
