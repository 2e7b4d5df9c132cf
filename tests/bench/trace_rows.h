/* SPDX-License-Identifier: MPL-2.0 */
/* What the trace costs, off and on: rows for frame_rows.h. */
#ifndef TESTS_BENCH_TRACE_ROWS_H
#define TESTS_BENCH_TRACE_ROWS_H

/* Measures and prints the table. Wants an allocator; bench_frames.first is the frame whose bytes, and those of its
 * neighbours, hold the ring. */
void bench_run_trace_table(void);

#endif
