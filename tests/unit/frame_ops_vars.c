/* SPDX-License-Identifier: MPL-2.0 */
/* The variables of operations on frames: see frame_ops_vars.h. */
#include "unit/frame_ops_vars.h"

struct ops_vars vars;

void vars_start(void)
{
	vars.full = 0;
	for (unsigned i = 0; i < OPS_VARIABLES; i++) {
		vars.frame[i] = EMPTY;
		vars.order[i] = vars.place[i] = (uint16_t)i;
	}
}

void var_set(unsigned var, uint32_t frame)
{
	bool was_full = vars.frame[var] != EMPTY;
	bool is_full = frame != EMPTY;

	vars.frame[var] = frame;
	if (was_full == is_full)
		return;
	vars.full -= was_full;

	/* Swaps it with the last full or the first empty one. */
	uint16_t other = vars.order[vars.full];
	uint16_t place = vars.place[var];

	vars.order[vars.full] = (uint16_t)var;
	vars.place[var] = (uint16_t)vars.full;
	vars.order[place] = other;
	vars.place[other] = place;
	vars.full += is_full;
}

bool var_is(unsigned var, enum ref_class class)
{
	return vars.frame[var] != EMPTY && model.frames[vars.frame[var]].class == class;
}

frame_t var_frame(unsigned var)
{
	return (frame_t){pfn_to_meta(pfn(vars.frame[var]))};
}
