/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, over one look at all of them or many. view/ has how it is shown. */
#ifndef VMM_OBSERVATION_H
#define VMM_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "inspect/incremental.h"
#include "kind/guest.h"

/* Starts as zeroes; ends by observation_end. */
struct observation {
	struct guest *guest;     /* NULL: none was found yet */
	bool is_known;           /* what the guest said of itself at the last look is sound */
	struct error problem;    /* why not, else empty */
	struct frame_tally last; /* the most recent scan */
	struct facts counters;   /* as of then, or before */
	unsigned scans;
	struct read_counters reads; /* of all scans */
	uint64_t scan_ns;           /* time spent in them */
	bool is_checked;            /* the check was made, and `findings` holds what it found */
	struct facts check;         /* what it went through */
	struct findings findings;   /* of all scans */
	struct findings now;        /* of the last one */
	/* Scans with it, until its log fails; NULL: reads everything each time. */
	struct incremental *incremental;
	struct error log_problem; /* it failed: why */
};

/* Whether the guest has finished by its own word, and its books could be held against its frames. */
static inline bool observation_is_complete(const struct observation *seen)
{
	return seen->is_known && seen->scans > 0 && seen->guest->progress == GUEST_FINISHED;
}

/*
 * Looks once: at what the guest says, at all its frames if it has some yet, at its counters. Each look is at the same
 * memory, with the same hints. Returns 0; what guest_find or guest_refresh returned, with its text in `problem`; or
 * -EFAULT when the records went away during the scan.
 */
int observation_look(struct observation *seen, const struct guest_memory *memory,
		     const struct guest_hints *hints);

/* Runs the rules of the guest's kind over its memory, and adds what they find. Returns as guest_check. */
int observation_check(struct observation *seen, enum check_rules rules, struct error *err);

void observation_end(struct observation *seen);

#endif
