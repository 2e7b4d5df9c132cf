/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What all commands do that follow a guest when it restarts, when an earlier state of it is loaded, when its VM ends or is
 * out of reach: say so once, and go on as long as there is something to follow. docs/life-cycles.md has the table.
 */
#ifndef VMM_FOLLOWER_H
#define VMM_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "kind/life.h"
#include "source/source.h"

/* The time between two looks while they fail. */
#define FOLLOW_RETRY_NS (20 * NS_PER_MS)

struct follower {
	const struct source *source;
	bool has_records;      /* they have the events; standard error does not */
	bool has_screen;       /* it has all that is reported; standard error has nothing */
	bool has_said_restart; /* the one that is under way */
	bool has_said_lost;
	uint64_t position;         /* of the guest in its life, at the last look */
	uint64_t still_since_ns;   /* it has not come further */
	uint64_t asked_ns;         /* when the source was asked why */
	bool has_doubt;            /* see follower_doubts */
	uint64_t failing_since_ns; /* 0: the last look succeeded */
	uint64_t broken_since_ns;  /* likewise, of failures that are no boot */
	uint64_t lost_since_ns;    /* the connection; 0: it is there */
};

struct follower follower_begin(const struct source *source, bool has_records, bool has_screen);

/*
 * After a look that succeeded, at a guest at this place of its life. Reports the event in one line. If the guest stands
 * still, it asks the source now and then whether it has left.
 */
void follower_saw(struct follower *follower, enum life_event event, uint64_t position);

/*
 * Whether the guest has stood still for so long that it may have been restarted without a trace in what is looked at: read
 * anew what it says of itself. Once for each time.
 */
bool follower_doubts(struct follower *follower);

/*
 * After a look that failed. Returns whether to look again, in a moment: as long as the guest boots, and for
 * the patience of base/deadline.h if what it reports cannot be true or its memory cannot be read; but not once the VM has ended, or the source is at rest.
 */
bool follower_retries(struct follower *follower, int result);

/*
 * Between looks. Returns whether there is anything to follow: false once the VM has ended, or looks fail and the
 * connection has been lost for the same time. Reports in one line each that it is lost, and that it is back.
 */
bool follower_goes_on(struct follower *follower);

/*
 * At the end. Prints how the VM ended, if it has, in a line after `prefix`; nothing if that is NULL. Returns the exit
 * status: STATUS_OK; STATUS_GUEST if the VM has ended and its guest had panicked; STATUS_REFUSED if the connection is lost.
 */
int follower_end(const struct follower *follower, bool has_panicked, const char *prefix, FILE *out);

#endif
