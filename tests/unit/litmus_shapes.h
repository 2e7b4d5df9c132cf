/* SPDX-License-Identifier: MPL-2.0 */
/* What two CPUs do at once in the litmus tests of the slot protocol, and which outcomes count. */
#ifndef TESTS_UNIT_LITMUS_SHAPES_H
#define TESTS_UNIT_LITMUS_SHAPES_H

#include <stdint.h>

#define LITMUS_LINE 128 /* bytes; processors fetch lines in pairs */

enum litmus_outcome {
	DULL,      /* the two did not meet */
	TELLING,   /* they met, in the way that the shape is about */
	FORBIDDEN, /* what no order allows */
};

/* One round: reset, both sides at once, judge. Reset and judge belong to the left side. */
struct litmus_shape {
	const char *name;
	void (*reset)(uint64_t round);
	void (*left)(uint64_t round);
	void (*right)(uint64_t round);
	enum litmus_outcome (*judge)(uint64_t round);
};

/* A word with its cache line to itself. */
struct litmus_word {
	uint64_t value;
} __attribute__((aligned(LITMUS_LINE)));

extern const struct litmus_shape litmus_shapes[];
extern const int litmus_shape_count;

#endif
