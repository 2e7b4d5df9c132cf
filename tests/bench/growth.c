/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How the library's cost grows with memory and with CPUs, on the host build: one row for each memory size, each in its
 * own process. Memory is sparse: only the metadata and the array of held frames are ever touched.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pagemeta/frame_put.h"
#include "tests/bench/host.h"
#include "tests/bench/small.h"

#define PAIR_TURNS  9
#define BULK_TURNS  3
#define TURNS_MAX   9
#define PAIRS       4000000 /* of all threads together */
#define PAIRS_SMALL 8000

#define MIB UINT64_C(1048576)
#define GIB (1024 * MIB)

static const uint64_t sizes[] = {64 * MIB, 512 * MIB, 4 * GIB, 16 * GIB, 64 * GIB};
static const unsigned thread_counts[] = {1, 2, 4, 8};

#define SIZE_COUNT   (sizeof(sizes) / sizeof(sizes[0]))
#define COLUMN_COUNT (sizeof(thread_counts) / sizeof(thread_counts[0]))

struct stamp_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};
META_TYPE(stamp);

static uint64_t pairs = PAIRS;
static unsigned threads;  /* that take part in this turn */
static frame_t *held;     /* room for every frame of the allocator */
static uint64_t held_max; /* frames in the allocator */

static frame_t alloc_stamp(uint64_t value)
{
	struct stamp_meta meta = {value, value, value};
	frame_t frame = frame_alloc(stamp, &meta);

	if (!frame.slot)
		abort();
	return frame;
}

static void alloc_and_put(unsigned cpu)
{
	(void)cpu;
	for (uint64_t i = 0; i < pairs / threads; i++)
		frame_put(alloc_stamp(i));
}

/* Each thread allocates an equal part of all frames; the remainder stays free. */
static void alloc_all(unsigned cpu)
{
	uint64_t part = held_max / threads;

	for (uint64_t i = cpu * part; i < (cpu + 1) * part; i++)
		held[i] = alloc_stamp(i);
}

static void free_all(unsigned cpu)
{
	uint64_t part = held_max / threads;

	for (uint64_t i = cpu * part; i < (cpu + 1) * part; i++)
		frame_put(held[i]);
}

/* Wall time for each pair, all threads together. */
static double ns_pair(void)
{
	uint64_t start = clock_now_ns();

	bench_on_cpus(threads, alloc_and_put);
	return (double)(clock_now_ns() - start) / (double)pairs;
}

/* Wall time for each frame. No frame is freed before all are allocated. */
static double ns_bulk(void)
{
	uint64_t start = clock_now_ns();

	bench_on_cpus(threads, alloc_all);
	bench_on_cpus(threads, free_all);
	return (double)(clock_now_ns() - start) / (double)held_max;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Measured after a warm-up turn. */
static double median_of(unsigned turns, double (*measure)(void))
{
	double values[TURNS_MAX];

	measure();
	for (unsigned i = 0; i < turns; i++)
		values[i] = measure();
	qsort(values, turns, sizeof(values[0]), compare);
	return values[turns / 2];
}

static void print_columns(unsigned turns, double (*measure)(void))
{
	printf("  ");
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		threads = thread_counts[i];
		printf(" %5.1f", median_of(turns, measure));
		fflush(stdout);
	}
}

/* Bytes that the kernel can supply without swapping (MemAvailable of proc(5)); 0 if it does not say. */
static uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file) &&
	       sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) != 1)
		;
	fclose(file);
	return kib * 1024;
}

/*
 * Memory that a row needs: slots and held frames, an eighth more for page tables and the rest, and 64 MiB to spare for
 * others.
 */
static bool fits(uint64_t size)
{
	uint64_t needed = size / PAGE_SIZE * (SLOT_SIZE + sizeof(frame_t)) * 9 / 8 + 64 * MIB;
	uint64_t available = memory_available();

	if (needed <= available)
		return true;
	printf(" skipped: takes %" PRIu64 " MiB, %" PRIu64 " MiB are available\n", needed / MIB,
	       available / MIB);
	return false;
}

static bool start_allocator(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_init(&bench_array.partition);
	frame_alloc_read_stats(&stats);
	held_max = stats.managed;
	held = malloc(held_max * sizeof(*held));
	if (held)
		memset(held, 0, held_max * sizeof(*held));
	return held;
}

static int run_row(unsigned row)
{
	uint64_t size = sizes[row];

	printf("%3" PRIu64 " %s", size < GIB ? size / MIB : size / GIB, size < GIB ? "MiB" : "GiB");
	if (!fits(size))
		return 0;
	if (!host_memory_create(size)) {
		perror("bench");
		return 1;
	}
	uint64_t start = clock_now_ns();

	if (!bench_metadata_init(size))
		return 1;
	double init_ns = (double)(clock_now_ns() - start);

	if (!start_allocator()) {
		perror("bench");
		return 1;
	}
	print_columns(PAIR_TURNS, ns_pair);
	print_columns(BULK_TURNS, ns_bulk);
	printf("   %7.1f %7.1f\n", init_ns / NS_PER_MS, init_ns / (double)bench_array.slots);
	return 0;
}

static void print_head(void)
{
	printf("\ngrowth with memory and threads on the host build, %ld CPUs\n\n",
	       sysconf(_SC_NPROCESSORS_ONLN));
	printf("%-7s  %-24s  %-24s   %s\n", "", "alloc + put, threads", "all frames, threads",
	       "metadata init");
	printf("%-7s", "memory");
	for (unsigned table = 0; table < 2; table++) {
		printf("  ");
		for (unsigned i = 0; i < COLUMN_COUNT; i++)
			printf(" %5u", thread_counts[i]);
	}
	printf("   %7s %7s\n", "ms", "ns/slot");
}

int main(int argc, char **argv)
{
	int result = 0;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	if (bench_is_small())
		pairs = PAIRS_SMALL;
	print_head();
	for (unsigned row = 0; row < (bench_is_small() ? 1 : SIZE_COUNT); row++)
		result |= bench_in_process(run_row, row);
	printf("\nalloc + put: ns of wall time for each pair, all threads together; %" PRIu64
	       " pairs,\n"
	       "medians of %d turns. all frames: ns of wall time for each frame, all of the\n"
	       "memory's allocated, then all freed, each thread its part; medians of %d turns.\n"
	       "metadata init: once, the pages of the array are touched for the first time.\n",
	       pairs, PAIR_TURNS, BULK_TURNS);
	return result;
}
