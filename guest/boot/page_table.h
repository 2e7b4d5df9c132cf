/* SPDX-License-Identifier: MPL-2.0 */
/* The page table that boot/page_table.S lays out; the kernel keeps it. */
#ifndef GUEST_BOOT_PAGE_TABLE_H
#define GUEST_BOOT_PAGE_TABLE_H

#include <stdint.h>

#include <pagevisor/address.h>
#include <pagevisor/layout.h>

extern const char boot_pml4[];

/* Its root. */
static inline paddr_t boot_page_table(void)
{
	return paddr((uint64_t)boot_pml4 - KERNEL_VIRTUAL_BASE);
}

#endif
