/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the kernel records about each frame of its own page table, for observers that walk the table. The metadata of
 * the type with the role TYPE_ROLE_PAGE_TABLE begins with this struct. A guest without such a type does not distinguish
 * its tables from other frames of the kernel.
 *
 * The reference count is the number of present entries that point at the table; the root has one more, for the
 * processors that use it. An entry counts once, however many paths lead to the table that holds it.
 */
#ifndef PAGEVISOR_KERNEL_TABLE_H
#define PAGEVISOR_KERNEL_TABLE_H

#include <stdint.h>

#include <pagevisor/abi.h>

struct kernel_page_table_meta {
	uint64_t va;    /* the lowest address that it translates */
	uint32_t level; /* 0: its entries map 4 KiB pages; the root: PT_LEVELS - 1 */
	uint32_t reserved;
};

ABI_OFFSET(struct kernel_page_table_meta, va, 0);
ABI_OFFSET(struct kernel_page_table_meta, level, 8);
ABI_SIZE(struct kernel_page_table_meta, 16);

#endif
