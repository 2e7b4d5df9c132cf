/* SPDX-License-Identifier: MPL-2.0 */
/* For how long a guest has shown no sign of life: see silence.h. */
#include "cli/run/silence.h"

#include "base/clock.h"

/* More time than this between two looks is time in which the VMM was stopped, or had no CPU. */
#define LOOK_MAX_NS NS_PER_S

void silence_note(struct silence *silence, uint64_t sign, uint64_t now_ns)
{
	uint64_t since = silence->looked_ns ? now_ns - silence->looked_ns : 0;

	silence->silent_ns += since < LOOK_MAX_NS ? since : LOOK_MAX_NS;
	if (sign != silence->sign)
		silence->silent_ns = 0;
	silence->sign = sign;
	silence->looked_ns = now_ns;
}
