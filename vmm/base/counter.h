/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The difference between two values of a counter that only rises. A value that fell means that it began anew in between,
 * as when a guest restarts, or that an earlier state was loaded: then there is no difference, and the newer value is the
 * first of a new series. Whoever subtracts two values of a guest's counter does so here.
 */
#ifndef VMM_COUNTER_H
#define VMM_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/* Sets *rise to now - before. Returns false, with 0 in *rise, if the counter began anew. */
static inline bool counter_rise(uint64_t before, uint64_t now, uint64_t *rise)
{
	*rise = now >= before ? now - before : 0;
	return now >= before;
}

/*
 * The same for a counter that wraps around at 2^32. No two looks are 2^31 steps apart, so a larger step is one
 * backwards.
 */
static inline bool counter_rise_32(uint32_t before, uint32_t now, uint32_t *rise)
{
	bool rose = (int32_t)(now - before) >= 0;

	*rise = rose ? now - before : 0;
	return rose;
}

/* A rise per second. Returns false if there is none: the counter began anew, or no time has passed. */
static inline bool counter_rate(uint64_t before, uint64_t now, uint64_t ns, double *rate)
{
	uint64_t rise;
	bool rose = counter_rise(before, now, &rise) && ns > 0;

	*rate = rose ? (double)rise * 1e9 / (double)ns : 0;
	return rose;
}

#endif
