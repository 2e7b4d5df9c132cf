/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's physical memory: from the boot loader's map to metadata for each frame and an
 * allocator.
 */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

/*
 * Reads the memory map, initialises the metadata, that of the kernel's page tables too, and the
 * frame allocator. Panics with the reason.
 */
void memory_init(void);

/*
 * Checks every slot and panics at the first that does not tell the truth; enters the counts it
 * found right.
 */
void memory_check(void);

#endif
