/* SPDX-License-Identifier: MPL-2.0 */
/* Which of several kernels is alive, by their clocks. */
#ifndef VMM_LINUX_KERNEL_LIFE_H
#define VMM_LINUX_KERNEL_LIFE_H

#include "kind/linux/kernel_find.h"

/*
 * Sets the life and the clocks of candidates. Waits as kernel_find does. If there is one candidate, its symbols stay
 * open; of several they are closed again, for each may take KERNEL_IMAGE_MAX.
 */
void kernel_life_watch(struct kernel_candidate *candidates, unsigned count, uint64_t wait_ns);

#endif
