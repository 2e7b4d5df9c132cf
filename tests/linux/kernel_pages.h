/* SPDX-License-Identifier: MPL-2.0 */
/* Compares what the kind says of the kernel's own pages with vmallocinfo, meminfo, modules and zoneinfo. */
#ifndef TESTS_LINUX_KERNEL_PAGES_H
#define TESTS_LINUX_KERNEL_PAGES_H

#include "kind/guest.h"

#include "left.h"

/* Prints what differs. Returns how much does. */
uint64_t compare_kernel_pages(const struct left *left, const struct guest *guest);

#endif
