/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Seeded pseudo-random numbers: xorshift64* (Vigna, 2016), its state spread from the seed by
 * splitmix64.
 */
#ifndef GUEST_RANDOM_H
#define GUEST_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state; /* never zero */
};

/* A separate stream for each (seed, stream) pair. */
static inline struct random random_seed(uint64_t seed, uint64_t stream)
{
	uint64_t z = seed + (stream + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return (struct random){z ? z : 1};
}

/* Another stream, which depends on the numbers so far and on the seed. */
static inline void random_mix(struct random *random, uint64_t seed, uint64_t stream)
{
	uint64_t state = random->state ^ random_seed(seed, stream).state;

	random->state = state ? state : 1;
}

static inline uint64_t random_next(struct random *random)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * 0x2545f4914f6cdd1d;
}

/* Uniform in [0, bound), from the high bits; bound is at least 1. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

#endif
