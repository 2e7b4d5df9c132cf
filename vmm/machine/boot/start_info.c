/* SPDX-License-Identifier: MPL-2.0 */
/* PVH start info: see start_info.h. */
#include "machine/boot/start_info.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "machine/boot/acpi_tables.h"

#define IOAPIC_SIZE 0x1000 /* the page of KVM's IOAPIC */

/* Physical addresses have at most 52 bits (SDM 3A 4.1.4). */
#define PHYSICAL_ADDRESS_END (UINT64_C(1) << 52)
#define MEMORY_SIZE_MAX      (PHYSICAL_ADDRESS_END - HIGH_RAM_BASE + LOW_RAM_MAX)

_Static_assert(BOOT_START_INFO + sizeof(struct pvh_start_info) <= BOOT_MEMORY_MAP, "overlap");
_Static_assert(BOOT_MEMORY_MAP + MEMORY_MAP_ENTRIES_MAX * sizeof(struct pvh_memmap_entry) <=
		       BOOT_CMDLINE,
	       "overlap");
_Static_assert(BOOT_CMDLINE + COMMAND_LINE_SIZE <= AP_TRAMPOLINE, "overlap");
_Static_assert(BOOT_ACPI_TABLES >= PC_LOW_MEMORY_END &&
		       BOOT_ACPI_TABLES + ACPI_TABLES_SIZE_MAX <= PC_HOLE_END,
	       "ACPI tables lie in reserved memory");

static struct pvh_memmap_entry range(uint64_t start, uint64_t end, uint32_t type)
{
	return (struct pvh_memmap_entry){.addr = start, .size = end - start, .type = type};
}

unsigned memory_map_build(uint64_t memory_size, struct pvh_memmap_entry *entries, unsigned max)
{
	uint64_t low_end = memory_size < LOW_RAM_MAX ? memory_size : LOW_RAM_MAX;
	unsigned n = 0;

	if (!is_aligned(memory_size, PAGE_SIZE) || memory_size <= PC_HOLE_END ||
	    memory_size > MEMORY_SIZE_MAX || max < MEMORY_MAP_ENTRIES_MAX)
		return 0;
	entries[n++] = range(0, PC_LOW_MEMORY_END, E820_USABLE);
	entries[n++] = range(PC_LOW_MEMORY_END, PC_HOLE_END, E820_RESERVED);
	entries[n++] = range(PC_HOLE_END, low_end, E820_USABLE);
	entries[n++] = range(IOAPIC_BASE, IOAPIC_BASE + IOAPIC_SIZE, E820_RESERVED);
	entries[n++] = range(LAPIC_BASE, LAPIC_BASE + LAPIC_SIZE, E820_RESERVED);
	if (memory_size > low_end)
		entries[n++] =
			range(HIGH_RAM_BASE, HIGH_RAM_BASE + (memory_size - low_end), E820_USABLE);
	return n;
}

int start_info_write(const struct memory_map *map, uint64_t memory_size, const char *cmdline,
		     unsigned cpus, paddr_t *start_info, struct error *err)
{
	struct pvh_memmap_entry entries[MEMORY_MAP_ENTRIES_MAX];
	uint8_t tables[ACPI_TABLES_SIZE_MAX];
	size_t cmdline_size = cmdline ? strlen(cmdline) + 1 : 0;
	size_t tables_size =
		acpi_tables_build(tables, sizeof(tables), paddr(BOOT_ACPI_TABLES), cpus);
	unsigned count = memory_map_build(memory_size, entries, MEMORY_MAP_ENTRIES_MAX);
	uint8_t *low = memory_map_at(map, paddr(0), PC_HOLE_END);
	struct pvh_start_info info = {
		.magic = PVH_START_INFO_MAGIC,
		.version = PVH_START_INFO_VERSION,
		.cmdline_paddr = cmdline ? BOOT_CMDLINE : 0,
		.rsdp_paddr = BOOT_ACPI_TABLES,
		.memmap_paddr = BOOT_MEMORY_MAP,
		.memmap_count = count,
	};

	if (cmdline_size > COMMAND_LINE_SIZE)
		return error_set(err, -E2BIG, "kernel command line of %zu bytes; at most %d fit",
				 cmdline_size - 1, COMMAND_LINE_SIZE - 1);
	if (tables_size == 0)
		return error_set(err, -EINVAL, "%u processors; 1 to %d are supported", cpus,
				 MAX_CPUS);
	if (count == 0)
		return error_set(err, -EINVAL,
				 "memory size 0x%" PRIx64
				 "; a multiple of 4 KiB above 1 MiB is needed, up to 0x%" PRIx64,
				 memory_size, MEMORY_SIZE_MAX);
	if (!low)
		return error_set(err, -EFAULT, "the guest has no RAM in its first MiB");
	memcpy(low + BOOT_START_INFO, &info, sizeof(info));
	memcpy(low + BOOT_MEMORY_MAP, entries, count * sizeof(entries[0]));
	if (cmdline)
		memcpy(low + BOOT_CMDLINE, cmdline, cmdline_size);
	memcpy(low + BOOT_ACPI_TABLES, tables, tables_size);
	*start_info = paddr(BOOT_START_INFO);
	return 0;
}
