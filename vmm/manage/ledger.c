/* SPDX-License-Identifier: MPL-2.0 */
/* What the host knows of the frames that it has claimed: see ledger.h. */
#include "manage/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define MARK_STATE 0x03
#define MARK_HARD  0x04

int ledger_init(struct ledger *ledger, uint64_t frames, struct error *err)
{
	*ledger = (struct ledger){.frames = frames, .marks = calloc(frames ? frames : 1, 1)};
	if (ledger->marks && claim_history_init(&ledger->history) == 0)
		return 0;
	free(ledger->marks);
	*ledger = (struct ledger){0};
	return error_set(err, -ENOMEM, "no memory for the ledger of frames");
}

void ledger_destroy(struct ledger *ledger)
{
	if (ledger->marks)
		claim_history_destroy(&ledger->history);
	free(ledger->marks);
	*ledger = (struct ledger){0};
}

void ledger_forget(struct ledger *ledger)
{
	for (uint64_t frame = 0; frame < ledger->frames && ledger_held(ledger) > 0; frame++)
		if (ledger->marks[frame])
			ledger_set(ledger, frame, LEDGER_NONE, false);
	claim_history_forget(&ledger->history);
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
	__atomic_store_n(mark, state == LEDGER_NONE ? 0 : (uint8_t)(state | (hard ? MARK_HARD : 0)),
			 __ATOMIC_RELAXED);
	ledger->counts[state]++;
	ledger->hard += (*mark & MARK_HARD) != 0;
}

uint64_t ledger_held(const struct ledger *ledger)
{
	return ledger->counts[LEDGER_CLAIMED] + ledger->counts[LEDGER_PUNCHED] +
	       ledger->counts[LEDGER_POPULATED];
}

int ledger_record(struct ledger *ledger, uint64_t frame, struct management_record *record)
{
	*record = (struct management_record){.now_ns = clock_now_ns()};
	if (frame >= ledger->frames)
		return -EINVAL;
	uint8_t mark = __atomic_load_n(&ledger->marks[frame], __ATOMIC_RELAXED);

	record->flags = (mark & MARK_STATE ? MANAGEMENT_IS_HELD : 0) |
			(mark & MARK_HARD ? MANAGEMENT_IS_HARD : 0) |
			((mark & MARK_STATE) == LEDGER_PUNCHED ? MANAGEMENT_IS_PUNCHED : 0);
	claim_history_find(&ledger->history, frame, record);
	return 0;
}
