/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The newest claims and releases of the host, for whoever asks what has become of a frame: the guest's trace cannot
 * have them. Frames side by side that went the same way at one time, and have the same generation, are one entry. The
 * newest CLAIM_HISTORY_MAX entries are kept, in memory that is taken once and used as far as there are entries.
 *
 * One thread adds; any thread finds.
 */
#ifndef VMM_CLAIM_HISTORY_H
#define VMM_CLAIM_HISTORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory/management.h"

#define CLAIM_HISTORY_MAX 65536 /* entries of 40 bytes: 2.5 MiB */

struct claim_run {
	uint64_t first;
	struct management_event event; /* of `event.frames` frames from there on */
};

/* What is gathered before it is added: with neighbours of different generations a batch has an entry for each frame. */
#define CLAIM_PENDING_MAX 512

struct claim_history {
	/* Not yet among the others. Private to who adds. */
	unsigned pending_count;
	struct claim_run pending[CLAIM_PENDING_MAX];
	pthread_mutex_t lock; /* protects the fields below */
	struct claim_run *runs;
	uint64_t total; /* that were ever added */
};

/* Returns 0 or -ENOMEM. */
int claim_history_init(struct claim_history *history);
void claim_history_destroy(struct claim_history *history);

/* Forgets all: the guest has begun another life. */
void claim_history_forget(struct claim_history *history);

/* Notes what happened to event.frames frames from `frame` on. It is found from the next claim_history_flush on. */
void claim_history_note(struct claim_history *history, uint64_t frame,
			const struct management_event *event);
void claim_history_flush(struct claim_history *history);

/*
 * Fills the events of a record, and how many of other frames have been forgotten. Looks at all entries at most, and lets
 * go of the lock now and then: whoever adds holds up pauses and allocations. Entries that are replaced meanwhile are among
 * the oldest, and are left out.
 */
void claim_history_find(struct claim_history *history, uint64_t frame,
			struct management_record *record);

#endif
