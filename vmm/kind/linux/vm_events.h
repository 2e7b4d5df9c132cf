/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a Linux kernel counts of its memory's traffic, as /proc/vmstat prints it: allocations, frees, faults, swapping. Each
 * CPU counts for itself; the sums are of values that were there at nearly one time.
 */
#ifndef VMM_LINUX_VM_EVENTS_H
#define VMM_LINUX_VM_EVENTS_H

#include "kind/facts.h"
#include "kind/linux/linux_kernel.h"

/* Returns 0, or -EAGAIN if the kernel does not say where it counts. */
int linux_vm_events(const struct linux_kernel *kernel, struct facts *counters);

#endif
