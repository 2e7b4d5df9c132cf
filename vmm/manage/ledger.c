/* SPDX-License-Identifier: MPL-2.0 */
/* What the host knows of the frames that it has claimed: see ledger.h. */
#include "manage/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

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

void ledger_set_claimed(struct ledger *ledger, const uint64_t *frames, unsigned count, bool hard)
{
	for (unsigned i = 0; i < count; i++)
		ledger_mark(ledger, frames[i], LEDGER_CLAIMED | (hard ? LEDGER_MARK_HARD : 0));
	ledger->counts[LEDGER_CLAIMED] += count;
	ledger->hard += hard ? count : 0;
}

void ledger_set_punched(struct ledger *ledger, uint64_t first, uint64_t end)
{
	const uint8_t mark = LEDGER_PUNCHED |
			     (ledger_is_hard(ledger, first) ? LEDGER_MARK_HARD : 0);

	for (uint64_t frame = first; frame < end; frame++)
		ledger_mark(ledger, frame, mark);
	ledger->counts[LEDGER_CLAIMED] -= end - first;
	ledger->counts[LEDGER_PUNCHED] += end - first;
}

/* In each byte of a word. */
#define ONES UINT64_C(0x0101010101010101)

/* The number of bytes of a word whose lowest bit is set. */
static unsigned count_ones(uint64_t word)
{
	return (unsigned)(((word & ONES) * ONES) >> 56);
}

/* Eight marks at a time. */
struct ledger_count ledger_count(const struct ledger *ledger, uint64_t first, uint64_t end)
{
	struct ledger_count count = {0};
	uint64_t marks;

	_Static_assert(LEDGER_MARK_STATE == 3 && LEDGER_MARK_HARD == 4, "the bits counted below");
	for (; first < end; first += sizeof(marks)) {
		uint64_t size = end - first < sizeof(marks) ? end - first : sizeof(marks);

		marks = 0;
		memcpy(&marks, &ledger->marks[first], size);
		count.held += count_ones(marks | marks >> 1);
		count.hard += count_ones(marks >> 2);
	}
	return count;
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

	record->flags = (mark & LEDGER_MARK_STATE ? MANAGEMENT_IS_HELD : 0) |
			(mark & LEDGER_MARK_HARD ? MANAGEMENT_IS_HARD : 0) |
			((mark & LEDGER_MARK_STATE) == LEDGER_PUNCHED ? MANAGEMENT_IS_PUNCHED : 0);
	claim_history_find(&ledger->history, frame, record);
	return 0;
}
