/* SPDX-License-Identifier: MPL-2.0 */
/* Cost of the trace, off and on: rows for frame_rows.h. */
#ifndef TESTS_BENCH_TRACE_ROWS_H
#define TESTS_BENCH_TRACE_ROWS_H

/*
 * Measures and prints the table. Needs an allocator. The ring lies in the bytes of the frame bench_frames.first and its
 * neighbours.
 */
void bench_run_trace_table(void);

#endif
