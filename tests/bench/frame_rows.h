/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the operations of pagemeta cost, each beside a floor that is measured in the same run: the two take turns,
 * and what is printed are the medians of several turns and the median of the turns' ratios.
 *
 * Freestanding and without floating point: the same rows run on the host build (frames_host.c) and inside a guest
 * (frames_guest.c). Each of them supplies the functions named bench_*.
 */
#ifndef TESTS_BENCH_FRAME_ROWS_H
#define TESTS_BENCH_FRAME_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "pagemeta/frame.h"

#define BENCH_TURNS 9

/*
 * Where the rows work: `floor_count` unused frames from `first` on that no allocator lists, for the floors, and at
 * least `count` free frames in the allocator. The arrays have `count` elements.
 */
struct bench_frames {
	uint32_t count;
	pfn_t first;
	frame_t *held;
	uint32_t *order;
	uint32_t *other_order;
};

extern struct bench_frames bench_frames;

enum bench_table { BENCH_SLOT, BENCH_ORDER_0, BENCH_THREADS, BENCH_ORDERS, BENCH_TABLE_COUNT };

/* Fills order and other_order with two permutations. */
void bench_shuffle(void);

/*
 * Measures and prints one table. BENCH_SLOT wants that no allocator takes back what is dropped
 * (frame_alloc_started), the others that there is one.
 */
void bench_run_table(enum bench_table table);

/* The heading of a table, above its rows. */
void bench_print_heading(const char *name);

/* Measures and prints one row of the caller's own; the functions return picoseconds for each operation. */
struct bench_row {
	const char *name;
	uint64_t (*run)(void);
	const char *floor_name;
	uint64_t (*floor)(void);
	uint32_t bar;    /* in hundredths; 0: none, the ratio is printed without a verdict */
	bool is_speedup; /* the ratio is floor / run, and the bar a minimum */
};

void bench_run_row(const struct bench_row *row);

/* Supplied by the place: time that has passed, in nanoseconds. */
uint64_t bench_now_ns(void);

/* Supplied by the place: prints a line. */
void bench_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Supplied by the place: runs the function on CPUs 0 and 1 at the same time and returns when both have. */
void bench_on_two_cpus(void (*function)(unsigned cpu));

#endif
