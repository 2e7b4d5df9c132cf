/* SPDX-License-Identifier: MPL-2.0 */
/* Which of several kernels is alive, by their clocks. */
#ifndef VMM_LINUX_KERNEL_LIFE_H
#define VMM_LINUX_KERNEL_LIFE_H

#include <stdbool.h>

#include "kind/linux/kernel_candidate.h"

/*
 * Sets the life and the clocks of candidates. Waits as kernel_find does. If there is one candidate, its symbols stay
 * open; of several they are closed again, for each may take KERNEL_IMAGE_MAX.
 */
void kernel_life_watch(struct kernel_candidate *candidates, unsigned count, uint64_t wait_ns);

/*
 * Chooses the one that ticks. If none does, all may be paused: a single one, or the one with the latest wall clock, is
 * chosen; *is_proven is then false. Returns its index; -ENOTUNIQ with a text that lists those that tick, or that have no
 * wall clock to tell them apart; -EAGAIN with a text if all are overwritten; or -ENOENT if count is 0.
 */
int kernel_choose(const struct kernel_candidate *candidates, unsigned count, bool *is_proven,
		  struct error *err);

#endif
