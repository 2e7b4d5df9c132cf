/* SPDX-License-Identifier: MPL-2.0 */
/* The states of a kind in order: see state_order.h. */
#include "inspect/state_order.h"

static unsigned add_states(const struct kind *kind, bool is_in_use, enum frame_tone tone,
			   uint8_t *states)
{
	unsigned count = 0;

	for (unsigned i = 0; i < kind->state_count; i++)
		if (kind->states[i].is_in_use == is_in_use && kind->states[i].tone == tone)
			states[count++] = (uint8_t)i;
	return count;
}

unsigned state_order(const struct kind *kind, const enum frame_tone tones[TONE_COUNT],
		     uint8_t states[FRAME_STATES_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < TONE_COUNT; i++)
		count += add_states(kind, true, tones[i], states + count);
	for (unsigned i = 0; i < TONE_COUNT; i++)
		count += add_states(kind, false, tones[i], states + count);
	return count;
}
