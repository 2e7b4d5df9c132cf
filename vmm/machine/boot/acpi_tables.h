/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The ACPI tables of the VM, as bytes: RSDP, XSDT and MADT. A kernel needs no more to find its processors and interrupt
 * controllers.
 */
#ifndef VMM_BOOT_ACPI_TABLES_H
#define VMM_BOOT_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

/* Enough for MAX_CPUS processors. */
#define ACPI_TABLES_SIZE_MAX 512

/*
 * Builds the tables into buffer, for placement at base, a multiple of 16. The RSDP comes first. Processor n has APIC id
 * n. Returns their length, or 0 when cpus is not 1 .. MAX_CPUS, base is not aligned or the buffer is too small; nothing
 * is written then.
 */
size_t acpi_tables_build(uint8_t *buffer, size_t size, paddr_t base, unsigned cpus);

#endif
