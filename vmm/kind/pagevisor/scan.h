/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One pass over the whole metadata array of a running guest: frames by state and type, references,
 * and the invariants that hold at any moment. Reads level 1 of every slot and level 2 of those in
 * use.
 */
#ifndef VMM_SCAN_H
#define VMM_SCAN_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"

struct scan {
	uint64_t frames[REF_CLASS_COUNT];
	uint64_t types[META_TYPES_MAX]; /* frames in use by type */
	uint64_t references;            /* to all frames in use */
	pfn_t first_busy;               /* of frames[REF_CLASS_BUSY], if there are any */
	uint64_t holes;                 /* slots in memory that the guest never wrote */
	struct read_counters reads;
	uint64_t duration_ns;
};

/*
 * Scans the array of a view at STAGE_METADATA or later and says what is wrong with it. Slots that lie in
 * holes of the guest's RAM are counted, not touched. The thread is registered with liburcu; a read-side
 * section covers a few thousand slots at a time. Returns 0, or -EFAULT when the array is no longer in RAM.
 */
int scan_array(const struct guest_memory *memory, const struct guest_view *view, struct scan *scan,
	       struct findings *findings);

/*
 * For a guest that has finished and whose vCPUs are stopped: holds the scan against the guest's own
 * counters, and looks for slots left BUSY.
 */
void scan_audit(const struct guest_view *view, const struct scan *scan,
		const struct cpu_counters *counters, struct findings *findings);

#endif
