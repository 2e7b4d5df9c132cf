/* SPDX-License-Identifier: MPL-2.0 */
/*
 * BENCH_SMALL=1: the benchmark does everything as little as possible, in a few seconds. This shows that it works; its
 * figures mean nothing.
 */
#ifndef TESTS_BENCH_SMALL_H
#define TESTS_BENCH_SMALL_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool bench_is_small(void)
{
	const char *value = getenv("BENCH_SMALL");

	return value && *value;
}

#endif
