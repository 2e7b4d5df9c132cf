/* SPDX-License-Identifier: MPL-2.0 */
/* Which of several kernels runs, by the page tables that the vCPUs use. A guest's user cannot fake these. */
#ifndef VMM_LINUX_KERNEL_VCPUS_H
#define VMM_LINUX_KERNEL_VCPUS_H

#include "kind/guest.h"
#include "kind/linux/kernel_candidate.h"

/*
 * Keeps the candidates that a vCPU runs, of KERNEL_CANDIDATES_MAX at most: its tables map the kernel's own where the
 * kernel has them. Their life becomes KERNEL_LIFE_TICKS unless the guest is paused. Keeps all if no vCPU runs any of
 * them: all are in firmware or in guests of the guest, or their tables cannot be had. Returns how many it keeps, at the
 * front, in their order. The candidates have no symbols yet.
 */
unsigned kernel_keep_running(struct kernel_candidate *candidates, unsigned count,
			     const struct vcpu_tables *vcpus, bool is_paused);

#endif
