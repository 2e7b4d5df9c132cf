/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the kernel finds in memory at its PVH entry: start info, memory map, command line and ACPI tables. All of it
 * lies below 1 MiB, where no kernel is loaded (base/elf/elf_image.h):
 *
 *     0x06000   start info
 *     0x06400   memory map
 *     0x07000   command line
 *     0x08000   AP_TRAMPOLINE, the kernel's
 *     0xa0000   end of usable low memory
 *     0xe0000   ACPI tables, in memory that the map reserves
 */
#ifndef VMM_BOOT_START_INFO_H
#define VMM_BOOT_START_INFO_H

#include <stdint.h>

#include <pagevisor/address.h>
#include <pagevisor/pvh.h>

#include "base/error.h"
#include "memory/guest_memory.h"

#define BOOT_START_INFO  0x6000
#define BOOT_MEMORY_MAP  0x6400
#define BOOT_CMDLINE     0x7000
#define BOOT_ACPI_TABLES 0xe0000

/* The memory map of a PC has a hole in usable memory from 640 KiB to 1 MiB. */
#define PC_LOW_MEMORY_END 0xa0000
#define PC_HOLE_END       0x100000

#define MEMORY_MAP_ENTRIES_MAX 6

/*
 * Fills in the memory map of a VM with memory_size bytes of RAM, sorted by address. RAM past LOW_RAM_MAX continues at
 * HIGH_RAM_BASE. Returns the number of entries, or 0 when memory_size is not a multiple of the page size, is not above
 * 1 MiB or ends past the 52-bit physical address space, or when max is less than MEMORY_MAP_ENTRIES_MAX; nothing is
 * written then.
 */
unsigned memory_map_build(uint64_t memory_size, struct pvh_memmap_entry *entries, unsigned max);

/*
 * Writes everything into guest RAM and sets *start_info to the address for ebx. cmdline may be NULL. Returns 0, -E2BIG
 * (command line too long), -EINVAL (memory_size or cpus out of range) or -EFAULT (no single region holds the first
 * MiB). After a failure nothing has been written.
 */
int start_info_write(const struct memory_map *map, uint64_t memory_size, const char *cmdline,
		     unsigned cpus, paddr_t *start_info, struct error *err);

#endif
