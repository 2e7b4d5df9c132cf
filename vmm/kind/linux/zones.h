/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The zones of the page allocator and what they have free: the counts that /proc/buddyinfo prints, and those of the lists
 * of each CPU, read while the guest changes them. VMCOREINFO says where zones are, BTF where the lists are.
 */
#ifndef VMM_LINUX_ZONES_H
#define VMM_LINUX_ZONES_H

#include "kind/free_counts.h"
#include "kind/linux/linux_kernel.h"

/* Adds up what is free in all zones of all nodes; without BTF the lists of CPUs are left out. Sets counts->why if that cannot be known. */
void linux_free_counts(const struct linux_kernel *kernel, struct free_counts *counts);

#endif
