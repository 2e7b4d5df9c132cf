/* SPDX-License-Identifier: MPL-2.0 */
/* What the host knows of the frames that it has claimed: see ledger.h. */
#include "manage/ledger.h"

#include <errno.h>
#include <stdlib.h>

#define MARK_STATE 0x03
#define MARK_HARD  0x04

int ledger_init(struct ledger *ledger, uint64_t frames, struct error *err)
{
	*ledger = (struct ledger){.frames = frames, .marks = calloc(frames ? frames : 1, 1)};
	return ledger->marks ? 0 : error_set(err, -ENOMEM, "no memory for the ledger of frames");
}

void ledger_destroy(struct ledger *ledger)
{
	free(ledger->marks);
	*ledger = (struct ledger){0};
}

void ledger_forget(struct ledger *ledger)
{
	for (uint64_t frame = 0; frame < ledger->frames && ledger_held(ledger) > 0; frame++)
		if (ledger->marks[frame])
			ledger_set(ledger, frame, LEDGER_NONE, false);
}

enum ledger_state ledger_state(const struct ledger *ledger, uint64_t frame)
{
	return ledger->marks[frame] & MARK_STATE;
}

bool ledger_is_hard(const struct ledger *ledger, uint64_t frame)
{
	return ledger->marks[frame] & MARK_HARD;
}

void ledger_set(struct ledger *ledger, uint64_t frame, enum ledger_state state, bool hard)
{
	uint8_t *mark = &ledger->marks[frame];

	ledger->counts[*mark & MARK_STATE]--;
	ledger->hard -= (*mark & MARK_HARD) != 0;
	*mark = state == LEDGER_NONE ? 0 : (uint8_t)(state | (hard ? MARK_HARD : 0));
	ledger->counts[state]++;
	ledger->hard += (*mark & MARK_HARD) != 0;
}

uint64_t ledger_held(const struct ledger *ledger)
{
	return ledger->counts[LEDGER_CLAIMED] + ledger->counts[LEDGER_PUNCHED] +
	       ledger->counts[LEDGER_POPULATED];
}
