/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames counted by state and type, with their references. A scan adds them up without making a struct frame of each.
 */
#ifndef VMM_TALLY_H
#define VMM_TALLY_H

#include <pagevisor/address.h>

#include "kind/frame.h"
#include "kind/read_counters.h"

struct frame_tally {
	uint64_t states[FRAME_STATES_MAX];
	uint64_t types[FRAME_TYPES_MAX]; /* frames in use */
	uint64_t references;             /* to all frames in use */
	pfn_t first_transient;           /* the first frame in a transient state, if there is any */
	uint64_t holes;                  /* frames whose record the guest never wrote */
	struct read_counters reads;
	uint64_t duration_ns;
};

/* Adds a part whose frames lie after all frames in the sum, which has `transient_before` transient ones. */
static inline void frame_tally_add(struct frame_tally *sum, const struct frame_tally *part,
				   uint64_t transient_before)
{
	if (transient_before == 0)
		sum->first_transient = part->first_transient;
	for (unsigned i = 0; i < FRAME_STATES_MAX; i++)
		sum->states[i] += part->states[i];
	for (unsigned i = 0; i < FRAME_TYPES_MAX; i++)
		sum->types[i] += part->types[i];
	sum->references += part->references;
	sum->holes += part->holes;
	read_counters_add(&sum->reads, &part->reads);
}

#endif
