/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The shapes of the litmus tests of the slot protocol: what two CPUs do at the same time, and how the outcomes are
 * classed.
 */
#ifndef TESTS_UNIT_LITMUS_SHAPES_H
#define TESTS_UNIT_LITMUS_SHAPES_H

#include <stdint.h>

#define LITMUS_LINE 128 /* bytes; processors fetch lines in pairs */

enum litmus_outcome {
	DULL,      /* the two sides did not overlap */
	TELLING,   /* they overlapped, in the way that the shape is about */
	FORBIDDEN, /* an outcome that no correct order allows */
};

/* One round: reset, both sides at the same time, judge. Reset and judge run on the left side. */
struct litmus_shape {
	const char *name;
	void (*reset)(uint64_t round);
	void (*left)(uint64_t round);
	void (*right)(uint64_t round);
	enum litmus_outcome (*judge)(uint64_t round);
};

/* A word that has a cache line to itself. */
struct litmus_word {
	uint64_t value;
} __attribute__((aligned(LITMUS_LINE)));

extern const struct litmus_shape litmus_shapes[];
extern const int litmus_shape_count;

#endif
