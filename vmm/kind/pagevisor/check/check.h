/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The check of a guest's page metadata as a whole, as fsck does it for a file system: free lists, frames that are
 * lost or leaked, frame lists, the kernel's page table.
 *
 * It wants one instant: a guest that has stopped or is paused, a snapshot, a capture. Each rule that is broken gives
 * findings, and the check goes on. What it reads is hostile: every link is bounded by the array, every walk by the
 * frames there are, and memory that the guest never wrote is not touched. It takes up to one byte of memory for each
 * frame, and four for each frame in use while it looks for leaks; a table it remembers, and there is a bound for those.
 */
#ifndef VMM_CHECK_H
#define VMM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/findings.h"
#include "kind/guest.h"
#include "kind/pagevisor/check/summary.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

/*
 * Checks the memory of a guest whose view is at STAGE_METADATA or later. The rules on single slots are guest_tally's.
 * The thread is registered with liburcu. Returns 0 whatever it found, or -ENOMEM.
 */
int check_guest(const struct guest_memory *memory, const struct guest_view *view,
		enum check_rules rules, struct check_summary *summary, struct findings *findings,
		struct error *err);

#endif
