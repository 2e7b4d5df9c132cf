/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's books held against its slots. */
#ifndef VMM_AUDIT_H
#define VMM_AUDIT_H

#include <pagevisor/slot.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/tally.h"

/*
 * For a guest that has finished and whose vCPUs are stopped: holds a tally against the guest's own counters, and looks
 * for slots left BUSY.
 */
void audit(const struct guest_view *view, const struct frame_tally *tally,
	   const struct cpu_counters *counters, struct findings *findings);

#endif
