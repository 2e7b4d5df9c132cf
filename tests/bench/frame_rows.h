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

enum bench_table {
	BENCH_SLOT,
	BENCH_ORDER_0,
	BENCH_THREADS,
	BENCH_ORDERS,
	BENCH_ORDER_9, /* this and the following: two_cpu_rows.c */
	BENCH_AGED,
	BENCH_REPEAT,
	BENCH_TABLE_COUNT,
};

/* Fills order and other_order with two permutations. */
void bench_shuffle(void);

/* A permutation of 0 .. count - 1. */
void bench_permute(uint32_t *values, uint32_t count, uint64_t seed);

/*
 * Measures and prints one table. For BENCH_SLOT no allocator may take back dropped frames (frame_alloc_started is
 * false); the other tables need an allocator.
 */
void bench_run_table(enum bench_table table);

/* Whether a table measures two CPUs at once. */
bool bench_needs_two_cpus(enum bench_table table);

/* Prints instead that its rows are not tried here, and why. */
void bench_skip_table(enum bench_table table, const char *why);

/* The heading of a table. */
void bench_print_heading(const char *name);

/* A bar in hundredths of the ratio of the table's first row. */
#define BENCH_SHARE(hundredths) (UINT32_C(1) << 31 | (hundredths))

/* Measures and prints one row that the caller defines; its functions return picoseconds for each operation. */
struct bench_row {
	const char *name;
	uint64_t (*run)(void);
	const char *floor_name;
	uint64_t (*floor)(void);
	uint32_t
		bar; /* in hundredths, or a BENCH_SHARE; 0: no bar, the ratio is printed without a verdict */
	bool is_speedup; /* the ratio is floor / run, and the bar is a minimum */
};

void bench_run_row(const struct bench_row *row);

/* A table: rows up to one without a name. `prepare` may be NULL. */
struct bench_rows {
	const char *name;
	void (*prepare)(void);
	const struct bench_row *rows;
};

extern const struct bench_rows bench_two_cpu_tables[]; /* from BENCH_ORDER_9 on */

/* Picoseconds for each of `count` operations that began at `start_ns`. */
uint64_t bench_per_operation(uint64_t start_ns, uint64_t count);

/* Claims a frame of the allocator, with three words of metadata. */
frame_t bench_alloc(uint64_t value);

/* Loops of frame_rows.c that other tables use. The first two: as many frames as there are, on one CPU. */
uint64_t bench_alloc_put(void);
uint64_t bench_bulk(void);
uint64_t bench_at_random(void);
uint64_t bench_one_bare(void);
uint64_t bench_two_bare(void);
void bench_alloc_and_put(unsigned cpu);

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
