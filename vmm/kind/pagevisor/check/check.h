/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks a guest's page metadata as a whole, as fsck does for a file system: free lists, lost and leaked frames, frame
 * lists, the kernel's page table.
 *
 * It needs a single instant: a stopped or paused guest, a snapshot, a capture. A broken rule gives findings, and the
 * check goes on. What it reads is hostile: every link is bounded by the array, every walk by the number of frames, and
 * memory that the guest never wrote is not touched. It takes one byte of memory at most for each frame, and four for
 * each frame in use while it looks for leaks. It also remembers each page table, and bounds their number.
 */
#ifndef VMM_CHECK_H
#define VMM_CHECK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/findings.h"
#include "kind/guest.h"
#include "kind/pagevisor/check/summary.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

/*
 * Checks the memory of a guest whose view is at STAGE_METADATA or later. guest_tally has the rules on single slots. The
 * thread is registered with liburcu. When *cut is not zero, it ends early, with what it has found; NULL: it never does.
 * Returns 0 whatever it found; -ENOMEM; or -E2BIG if
 * the memory's budget is too small.
 */
int check_guest(const struct guest_memory *memory, const struct guest_view *view,
		enum check_rules rules, const volatile sig_atomic_t *cut,
		struct check_summary *summary, struct findings *findings, struct error *err);

#endif
