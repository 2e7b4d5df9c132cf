/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Cost of pagemeta's operations, each beside a floor measured in the same run. The two take turns. A row prints the
 * medians of several turns and the median of their ratios.
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
 * Frames for the rows. For the floors: `floor_count` unused frames from `first` on, none of them in an allocator's
 * lists. For the library: at least `count` free frames in the allocator. The arrays have `count` elements.
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
 * Measures and prints one table. For BENCH_SLOT no allocator may take back dropped frames (frame_alloc_started is
 * false); the other tables need an allocator.
 */
void bench_run_table(enum bench_table table);

/* The heading of a table. */
void bench_print_heading(const char *name);

/* Measures and prints one row that the caller defines; its functions return picoseconds for each operation. */
struct bench_row {
	const char *name;
	uint64_t (*run)(void);
	const char *floor_name;
	uint64_t (*floor)(void);
	uint32_t bar;    /* in hundredths; 0: no bar, the ratio is printed without a verdict */
	bool is_speedup; /* the ratio is floor / run, and the bar is a minimum */
};

void bench_run_row(const struct bench_row *row);

/* Supplied by the host build or the guest: elapsed time in nanoseconds. */
uint64_t bench_now_ns(void);

/* Supplied by the host build or the guest: prints a line. */
void bench_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Supplied by the host build or the guest: runs the function on CPUs 0 and 1 at the same time and returns when both
 * have finished.
 */
void bench_on_two_cpus(void (*function)(unsigned cpu));

#endif
