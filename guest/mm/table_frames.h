/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The frames of the kernel's page table: their type, and the references that its entries hold; see
 * pagevisor/kernel_table.h. Also compiled for the host, for its unit tests.
 */
#ifndef GUEST_TABLE_FRAMES_H
#define GUEST_TABLE_FRAMES_H

#include <pagevisor/info.h>
#include <pagevisor/kernel_table.h>

#include "pagemeta/unique.h"

/* Permanent: the kernel unmaps nothing. */
extern const struct meta_type meta_type_kernel_page_table;

/*
 * Gives a type and references to the tables that are older than the metadata: the assembler's and those from early
 * memory. Called once, before anybody else has a reference to their frames. Adds the changes to `counters`.
 */
void table_frames_adopt(paddr_t root, struct cpu_counters *counters);

#endif
