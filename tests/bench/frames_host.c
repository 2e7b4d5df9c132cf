/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rows of frame_rows.c on the host build, and the cost of metadata init. Each table runs in its own process, so
 * none is affected by what another left in caches and page tables. Usage: bench-frames [TABLE]
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pagemeta/frame_alloc.h"
#include "tests/bench/frame_rows.h"
#include "tests/bench/host.h"
#include "tests/bench/keeper_rows.h"
#include "tests/bench/small.h"
#include "tests/bench/trace_rows.h"

#define MEMORY_SIZE  (UINT64_C(8) << 30)
#define MILLION_SIZE (UINT64_C(9) << 30)
#define FRAMES       900000
#define FRAMES_SMALL 2048

/*
 * The floors claim frames below 4 GiB. The allocator has those above, except the metadata array at its start. The two
 * sets do not overlap.
 */
#define FIRST_FLOOR_FRAME   65536
#define FIRST_MANAGED_FRAME ((1 << 20) + 65536)

/* Tables of this program, after the shared ones. */
enum {
	INIT_TABLE = BENCH_TABLE_COUNT,
	TRACE_TABLE,
	KEEPER_TABLE,
	MILLION_TABLE,
	LAST_TABLE = MILLION_TABLE,
};

/* Of the tables of the host's frames: 1 GiB; and as many as leave a million after one of each block. */
#define KEEPER_FRAMES       262144
#define MILLION_FRAMES      (1958 * 512)
#define KEEPER_FRAMES_SMALL 1024

uint64_t bench_now_ns(void)
{
	return clock_now_ns();
}

void bench_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void bench_on_two_cpus(void (*function)(unsigned cpu))
{
	bench_on_cpus(2, function);
}

/* Maps the array again, as meta_init does, so every page of it is touched for the first time. */
static uint64_t memset_array(void)
{
	uint64_t size = align_up(bench_array.slots * SLOT_SIZE, PAGE_SIZE);
	uint64_t start = clock_now_ns();

	if (!platform_map_metadata(NULL, bench_array.base, size))
		abort();
	memset(pfn_to_meta(pfn(0)), 0xff, size);
	return (clock_now_ns() - start) * 1000 / bench_array.slots;
}

/* All of metadata init: partition, map, fill, mark. */
static uint64_t init_array(void)
{
	uint64_t start = clock_now_ns();

	if (!bench_metadata_init(MEMORY_SIZE))
		abort();
	return (clock_now_ns() - start) * 1000 / bench_array.slots;
}

static void run_init_table(void)
{
	static const struct bench_row row = {
		"metadata init, a slot", init_array, "memset, a slot", memset_array, 85, true};
	uint64_t overhead = bench_array.slots * SLOT_SIZE * 10000 / MEMORY_SIZE;

	bench_print_heading("init");
	bench_run_row(&row);
	bench_print("metadata, %% of memory  %lu.%02lu [%lu.%02lu, %lu.%02lu] <=1.60 %s",
		    overhead / 100, overhead % 100, overhead / 100, overhead % 100, overhead / 100,
		    overhead % 100, overhead <= 160 ? "met" : "MISSED");
}

/* How many frames the allocator has in a table of the host's frames; 0: all above the first. */
static uint64_t keeper_frames(unsigned table)
{
	if (table != KEEPER_TABLE && table != MILLION_TABLE)
		return 0;
	if (bench_is_small())
		return KEEPER_FRAMES_SMALL;
	return table == KEEPER_TABLE ? KEEPER_FRAMES : MILLION_FRAMES;
}

static bool begin_allocator(uint64_t frames)
{
	const struct region_list none = {0};
	uint64_t end = frames ? (FIRST_MANAGED_FRAME + frames) * PAGE_SIZE : MEMORY_SIZE;

	frame_alloc_init(&none);
	return frame_alloc_add(paddr((uint64_t)FIRST_MANAGED_FRAME * PAGE_SIZE), paddr(end)) ==
	       FRAME_ADD_OK;
}

static bool begin_frames(uint64_t size, uint32_t frames)
{
	bench_frames = (struct bench_frames){
		.count = frames,
		.first = pfn(FIRST_FLOOR_FRAME),
		.held = calloc(frames, sizeof(frame_t)),
		.order = calloc(frames, sizeof(uint32_t)),
		.other_order = calloc(frames, sizeof(uint32_t)),
	};
	return bench_frames.held && bench_frames.order && bench_frames.other_order &&
	       host_memory_create(size) && bench_metadata_init(size);
}

static int run_table(unsigned table)
{
	const uint64_t managed = keeper_frames(table);
	const uint64_t size = table == MILLION_TABLE ? MILLION_SIZE : MEMORY_SIZE;
	const uint64_t frames = bench_is_small() ? FRAMES_SMALL : FRAMES;

	if (table < BENCH_TABLE_COUNT && bench_needs_two_cpus(table) && bench_cpus() < 2) {
		bench_skip_table(table, "one CPU");
		return 0;
	}
	if (!begin_frames(size, (uint32_t)(managed > frames ? managed + 1 : frames))) {
		fprintf(stderr, "bench: no memory\n");
		return 1;
	}
	if (table == INIT_TABLE) {
		run_init_table();
		return 0;
	}
	bench_shuffle();
	if (table != BENCH_SLOT && !begin_allocator(managed)) {
		fprintf(stderr, "bench: the allocator refuses the memory\n");
		return 1;
	}
	if (table == TRACE_TABLE)
		bench_run_trace_table();
	else if (table == KEEPER_TABLE)
		bench_run_keeper_table(FIRST_MANAGED_FRAME, managed);
	else if (table == MILLION_TABLE)
		bench_run_million_table(FIRST_MANAGED_FRAME, managed);
	else
		bench_run_table(table);
	return 0;
}

int main(int argc, char **argv)
{
	int result = 0;

	if (argc > 1) {
		unsigned table = (unsigned)atoi(argv[1]);

		if (table > LAST_TABLE) {
			fprintf(stderr, "bench-frames: no table %s; they are 0 to %d\n", argv[1],
				LAST_TABLE);
			return 2;
		}
		return run_table(table);
	}
	bench_print("\nframe operations on the host build, 8 GiB of frames, medians of %d turns",
		    BENCH_TURNS);
	for (unsigned table = 0; table <= LAST_TABLE; table++)
		if (bench_in_process(run_table, table))
			result = 1;
	return result;
}
