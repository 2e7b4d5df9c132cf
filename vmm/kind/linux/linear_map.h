/* SPDX-License-Identifier: MPL-2.0 */
/* Where a Linux kernel maps memory in a row: all of it, its image, its struct pages. */
#ifndef VMM_LINUX_LINEAR_MAP_H
#define VMM_LINUX_LINEAR_MAP_H

#include "kind/linux/linux_kernel.h"
#include "memory/address_space.h"

/* Adds what is known; an address that the page tables contradict is not. */
void linux_address_space(const struct linux_kernel *kernel, struct address_space *space);

#endif
