/* SPDX-License-Identifier: MPL-2.0 */
/* What frames cost that the host holds, on the host build: rows as in frame_rows.h. */
#ifndef TESTS_BENCH_KEEPER_ROWS_H
#define TESTS_BENCH_KEEPER_ROWS_H

#include <stdint.h>

/*
 * Measures and prints the table. The allocator has the frames [first, first + frames) and no others, all free: whole
 * blocks of 512, and fewer than bench_frames.held has room for.
 */
void bench_run_keeper_table(uint64_t first, uint64_t frames);

/* The same, beside as many frames of the host as there can be: all but one of each block. */
void bench_run_million_table(uint64_t first, uint64_t frames);

#endif
