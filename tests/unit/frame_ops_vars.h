/* SPDX-License-Identifier: MPL-2.0 */
/* The variables of frame_ops.h: each holds a reference to a frame, or the ownership of one, or is empty. */
#ifndef TESTS_UNIT_FRAME_OPS_VARS_H
#define TESTS_UNIT_FRAME_OPS_VARS_H

#include "unit/frame_ops.h"

#define EMPTY UINT32_MAX

/* The frame of each variable, and the variables partitioned into full and empty ones. */
struct ops_vars {
	uint32_t frame[OPS_VARIABLES]; /* EMPTY, or a frame number */
	uint16_t order[OPS_VARIABLES]; /* the first `full` have a frame */
	uint16_t place[OPS_VARIABLES]; /* where a variable is in `order` */
	unsigned full;
};

extern struct ops_vars vars;

/* Makes all of them empty. */
void vars_start(void);

/* `frame` may be EMPTY. */
void var_set(unsigned var, uint32_t frame);

/* Whether it holds a frame that is in this class. */
bool var_is(unsigned var, enum ref_class class);

/* The frame of a variable that is not empty. */
frame_t var_frame(unsigned var);

#endif
