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
enum ledger_state ledger_state(const struct ledger *ledger, uint64_t frame);
bool ledger_is_hard(const struct ledger *ledger, uint64_t frame);

/* `hard` means nothing with LEDGER_NONE. */
void ledger_set(struct ledger *ledger, uint64_t frame, enum ledger_state state, bool hard);

/* The frames that the host holds, in any state. */
uint64_t ledger_held(const struct ledger *ledger);

/* What is known of one frame, and its newest events. Any thread. Returns 0, or -EINVAL if there is no such frame. */
int ledger_record(struct ledger *ledger, uint64_t frame, struct management_record *record);

#endif
