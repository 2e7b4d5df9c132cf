/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's physical memory: from the boot loader's map to metadata for each frame and an
 * allocator.
 */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <stdint.h>

/*
 * Reads the memory map and initialises the metadata, including that of the kernel's page tables, and the frame
 * allocator. On failure panics with the reason.
 */
void memory_init(void);

/* RAM in MiB, without holes and devices, after memory_init. */
uint64_t memory_mib(void);

/* Checks every slot and panics if any is wrong, naming the first. Then counts the frames in use as claimed. */
void memory_check(void);

/*
 * Gives the memory of the ACPI tables to the allocator, after memory_check, once nobody reads the tables any more.
 * Counts its frames as dropped.
 */
void memory_reclaim_tables(void);

#endif
