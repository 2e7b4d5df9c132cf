/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the host itself knows of the frames that it has claimed. HOST in a slot can be written by the guest, so
 * nothing is punched or released by the slot alone, nor by the ledger alone. A byte a frame, of which the kernel
 * gives pages only where something was claimed. Used by one thread, except for ledger_record.
 */
#ifndef VMM_LEDGER_H
#define VMM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "manage/claim_history.h"
#include "memory/management.h"

enum ledger_state {
	LEDGER_NONE,      /* not the host's */
	LEDGER_CLAIMED,   /* its slot was HOST by our hand; its bytes are still there */
	LEDGER_PUNCHED,   /* its bytes are gone */
	LEDGER_POPULATED, /* it has bytes again, all zero, and is about to be released */
	LEDGER_STATES,
};

/* A mark. */
#define LEDGER_MARK_STATE 0x03
#define LEDGER_MARK_HARD  0x04

struct ledger {
	/* A state, and whether the frame is hard. Stored relaxed, for ledger_record: a mark alone says it all. */
	uint8_t *marks;
	uint64_t frames;
	uint64_t counts[LEDGER_STATES]; /* that of LEDGER_NONE means nothing */
	uint64_t hard;                  /* of all but LEDGER_NONE */
	struct claim_history history;
};

/* For frames 0 .. frames - 1. Returns 0 or -ENOMEM. */
int ledger_init(struct ledger *ledger, uint64_t frames, struct error *err);
void ledger_destroy(struct ledger *ledger);

/* Forgets all frames: the guest has been reset, and its slots and bytes are another life's. */
void ledger_forget(struct ledger *ledger);

/* The state of a frame below `frames`. */
static inline enum ledger_state ledger_state(const struct ledger *ledger, uint64_t frame)
{
	return ledger->marks[frame] & LEDGER_MARK_STATE;
}

static inline bool ledger_is_hard(const struct ledger *ledger, uint64_t frame)
{
	return ledger->marks[frame] & LEDGER_MARK_HARD;
}

/* For ledger_record, which another thread may call meanwhile; all other readers are the writer's own thread. */
static inline void ledger_mark(struct ledger *ledger, uint64_t frame, unsigned mark)
{
	__atomic_store_n(&ledger->marks[frame], (uint8_t)mark, __ATOMIC_RELAXED);
}

/* `hard` means nothing with LEDGER_NONE. */
static inline void ledger_set(struct ledger *ledger, uint64_t frame, enum ledger_state state,
			      bool hard)
{
	const uint8_t before = ledger->marks[frame];
	const bool is_hard = hard && state != LEDGER_NONE;

	ledger->counts[before & LEDGER_MARK_STATE]--;
	ledger->hard -= (before & LEDGER_MARK_HARD) != 0;
	ledger_mark(ledger, frame, state | (is_hard ? LEDGER_MARK_HARD : 0));
	ledger->counts[state]++;
	ledger->hard += is_hard;
}

/* Frames, none of which the host held, have been claimed. */
void ledger_set_claimed(struct ledger *ledger, const uint64_t *frames, unsigned count, bool hard);

/* The frames [first, end), all of them LEDGER_CLAIMED and equally hard, have been punched. */
void ledger_set_punched(struct ledger *ledger, uint64_t first, uint64_t end);

/* How many of the frames [first, end) the host holds, and how many of these are hard. */
struct ledger_count {
	unsigned held;
	unsigned hard;
};

struct ledger_count ledger_count(const struct ledger *ledger, uint64_t first, uint64_t end);

/* The frames that the host holds, in any state. */
uint64_t ledger_held(const struct ledger *ledger);

/* What is known of one frame, and its newest events. Any thread. Returns 0, or -EINVAL if there is no such frame. */
int ledger_record(struct ledger *ledger, uint64_t frame, struct management_record *record);

#endif
