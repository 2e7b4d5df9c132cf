/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The memory of a Linux guest that never ran: RAM in a memfd, page tables that map it as wanted, and text and bytes put
 * into it. Shared by the tests of kind/linux and by fuzz targets; it aborts where it fails.
 */
#ifndef TESTS_UNIT_CRAFTED_LINUX_H
#define TESTS_UNIT_CRAFTED_LINUX_H

#include <stdint.h>

#include "kind/linux/kernel_space.h"

#define LINUX_RAM      (UINT64_C(64) << 20)
#define LINUX_MAP_BASE UINT64_C(0xffffffff80000000) /* __START_KERNEL_map */

struct crafted_linux {
	struct guest_memory memory;
	int fd;
	uint8_t *ram;
	uint64_t next_table; /* physical address of the next table; tables lie at the end of RAM */
	struct kernel_space space;
};

/* An empty RAM, and a root without entries. The thread is registered with liburcu. */
void linux_make(struct crafted_linux *machine, unsigned levels);
void linux_free(struct crafted_linux *machine);

/* A root without entries of its own: another kernel's. */
struct kernel_space linux_new_space(struct crafted_linux *machine, unsigned levels);

/*
 * The entry for va in the table of a level, 0 being that of small pages; makes the tables above it, which grant all
 * rights.
 */
uint64_t *linux_entry(struct crafted_linux *machine, const struct kernel_space *space, uint64_t va,
		      unsigned level);

/* Maps `pages` small pages with the given rights, bits PTE_* beside the present one. */
void linux_map(struct crafted_linux *machine, const struct kernel_space *space, uint64_t va,
	       uint64_t pa, uint64_t pages, uint64_t rights);

#endif
