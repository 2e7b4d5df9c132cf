/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reclaimer of a stress run: a separate process that has the VM take free frames from its guest and give them back,
 * as fast as it can. Either by orders at random: all that is free or some, soft and hard, with targets between. Or by a
 * target that swings, low and high in turns, the least now and then, soft and hard. It reports on standard output, one JSON
 * object a line, what the VM counts.
 */
#ifndef VMM_STRESS_RECLAIMER_H
#define VMM_STRESS_RECLAIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/host_scenario.h"

/* Since the VM began. */
struct reclaim_tally {
	uint64_t claimed, released; /* frames */
	uint64_t asks;              /* of the guest */
	uint64_t refusals;          /* of its allocator, for want of what the host kept */
	/* Frames of which the host's ledger, the slots and the file disagree. A guest that works has none. */
	uint64_t taken_back, forged, refilled;
};

/* Returns false if the line is no such report. */
bool reclaim_tally_read(const char *line, struct reclaim_tally *tally);

/* Runs until the VM has ended. Returns STATUS_OK, or STATUS_REFUSED if it takes no orders. */
int stress_reclaimer(const char *vm, uint64_t seed, enum reclaim_manner manner);

#endif
