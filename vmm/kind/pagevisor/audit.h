/* SPDX-License-Identifier: MPL-2.0 */
/* Compares the guest's own counters with its slots. */
#ifndef VMM_AUDIT_H
#define VMM_AUDIT_H

#include <pagevisor/slot.h>

#include "kind/findings.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/tally.h"

/*
 * Compares a tally with the guest's own counters and looks for slots left BUSY. The guest has finished and its vCPUs
 * are stopped.
 */
void audit(const struct guest_view *view, const struct frame_tally *tally,
	   const struct cpu_counters *counters, struct findings *findings);

#endif
