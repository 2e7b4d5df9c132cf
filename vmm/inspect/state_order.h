/* SPDX-License-Identifier: MPL-2.0 */
/* The states of a kind in the order of a list or a legend. */
#ifndef VMM_STATE_ORDER_H
#define VMM_STATE_ORDER_H

#include "kind/kind.h"

/*
 * Puts the states of a kind into states[]: those in use first, then the others, both in the order of `tones`. Returns
 * how many there are.
 */
unsigned state_order(const struct kind *kind, const enum frame_tone tones[TONE_COUNT],
		     uint8_t states[FRAME_STATES_MAX]);

#endif
