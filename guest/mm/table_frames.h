/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The frames of the kernel's page table: their type, and the references that its entries hold; see
 * pagevisor/kernel_table.h. Also compiled for the host, where its tests are.
 */
#ifndef GUEST_TABLE_FRAMES_H
#define GUEST_TABLE_FRAMES_H

#include <pagevisor/info.h>
#include <pagevisor/kernel_table.h>

#include "pagemeta/unique.h"

/* Permanent: the kernel unmaps nothing. */
extern const struct meta_type meta_type_kernel_page_table;

/*
 * Gives the tables that were made before there was metadata, by the assembler and from early memory, their type and
 * references. Once, before anybody else has a reference to their frames; `counters` gets what changed.
 */
void table_frames_adopt(paddr_t root, struct cpu_counters *counters);

#endif
