/* SPDX-License-Identifier: MPL-2.0 */
/* What one or more scans of a guest's frames found. view/ shows it. */
#ifndef VMM_OBSERVATION_H
#define VMM_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "inspect/incremental.h"
#include "inspect/life_watch.h"
#include "kind/guest.h"

/* Starts as zeroes; observation_end ends it. */
struct observation {
	struct guest *guest;  /* NULL: none was found yet */
	bool is_known;        /* what the guest last reported about itself is sound */
	struct error problem; /* why the last look failed, else empty */
	/*
	 * life.event is what became of the guest between the last two samples. If it did not go on, the counters are
	 * those of another series; sums over all scans are kept. While the guest boots and has no frames yet, each look
	 * has the event anew, and the first scan after it has it for the last time.
	 */
	struct life_watch life;
	struct frame_tally last; /* the most recent scan */
	struct facts counters;   /* from that scan, or an earlier one */
	unsigned scans;
	struct read_counters reads; /* of all scans */
	uint64_t scan_ns;           /* the time that they took */
	bool is_checked;            /* the check was made, and `findings` includes what it found */
	struct facts check;         /* what it covered */
	struct findings findings;   /* of all scans */
	struct findings now;        /* of the last one */
	/* Used by scans until its log fails; NULL: each scan reads everything. */
	struct incremental *incremental;
	struct error log_problem; /* why the log failed */
};

/* Whether the guest says that it has finished, and has been scanned: its counters can be compared with its frames. */
static inline bool observation_is_complete(const struct observation *seen)
{
	return seen->is_known && seen->scans > 0 && seen->guest->progress == GUEST_FINISHED;
}

/*
 * Takes one sample: what the guest reports, all its frames if it has some yet, and its counters. Every call is for the
 * same memory and hints. Returns 0; or, with a text in `problem`, the error of guest_find or guest_refresh, or that
 * of the scan: -EFAULT if the records went away meanwhile. A scan during which the guest restarted, or an earlier state
 * was loaded, does not count and is repeated; if that does not help, -ESTALE.
 */
int observation_look(struct observation *seen, const struct guest_memory *memory,
		     const struct guest_hints *hints);

/* Checks the guest's memory by the rules of its kind, and adds what they find. Returns as guest_check. */
int observation_check(struct observation *seen, enum check_rules rules, struct error *err);

void observation_end(struct observation *seen);

#endif
