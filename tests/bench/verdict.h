/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How a row with a bar ends, the same in all benchmarks, so that table.awk can collect them:
 *
 *     RATIO [LOW, HIGH] <=BAR met           or >=BAR; MISSED; not settled
 *
 * RATIO is the median of the turns. LOW and HIGH bound it without any assumption about how turns are distributed: from 9
 * turns on they are the second lowest and second highest, which hold the true median in 96 % of cases, and below that the
 * extremes. An interval that spans the bar settles nothing. A row that cannot be measured is a line `NAME: not tried
 * here: WHY`. verdict_lib.sh has the same for scripts. Freestanding.
 */
#ifndef TESTS_BENCH_VERDICT_H
#define TESTS_BENCH_VERDICT_H

#include <stdbool.h>

#define BENCH_TRIMMED_TURNS 9 /* the fewest turns of which the extremes are left out */

/* The indexes of LOW and HIGH among the sorted values of `turns` turns. */
static inline unsigned bench_low_index(unsigned turns)
{
	return turns >= BENCH_TRIMMED_TURNS ? 1 : 0;
}

static inline unsigned bench_high_index(unsigned turns)
{
	return turns - 1 - bench_low_index(turns);
}

/* From whether each end of the interval meets the bar. */
static inline const char *bench_verdict(bool low_meets, bool high_meets)
{
	if (low_meets != high_meets)
		return "not settled";
	return low_meets ? "met" : "MISSED";
}

#endif
