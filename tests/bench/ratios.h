/* SPDX-License-Identifier: MPL-2.0 */
/* The ratios of a row's turns: median and verdict, for benchmarks on the host. */
#ifndef TESTS_BENCH_RATIOS_H
#define TESTS_BENCH_RATIOS_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/verdict.h"

static inline int bench_compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Sorts the values and returns their median. */
static inline double bench_median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), bench_compare);
	return values[count / 2];
}

/*
 * Ends a row: the ratio, and unless the bar is 0, the interval and the verdict. Sorts the ratios. A turn whose floor is 0,
 * as on a host that is too busy for a short turn, counts as 0.
 */
static inline void bench_print_ratios(double *ratios, unsigned turns, double bar, bool is_at_most)
{
	for (unsigned i = 0; i < turns; i++)
		if (!isfinite(ratios[i]))
			ratios[i] = 0;
	double ratio = bench_median(ratios, turns);
	double low = ratios[bench_low_index(turns)], high = ratios[bench_high_index(turns)];

	printf(" %8.3f", ratio);
	if (bar > 0)
		printf(" [%.3f, %.3f] %s%.4g %s", low, high, is_at_most ? "<=" : ">=", bar,
		       bench_verdict(is_at_most ? low <= bar : low >= bar,
				     is_at_most ? high <= bar : high >= bar));
	printf("\n");
	fflush(stdout);
}

#endif
