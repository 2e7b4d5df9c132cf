/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The ACPI tables of the VM, as bytes: RSDP, XSDT and MADT, no more than a kernel needs to find its
 * processors and interrupt controllers.
 */
#ifndef VMM_BOOT_ACPI_TABLES_H
#define VMM_BOOT_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

/* Enough for MAX_CPUS processors. */
#define ACPI_TABLES_SIZE_MAX 512

/*
 * Builds the tables into buffer as they are to lie at base, a multiple of 16; the RSDP comes first.
 * Processor n has APIC id n. Returns their length, or 0 when cpus is not 1 .. MAX_CPUS, base is not
 * aligned or the buffer too small; then nothing is written.
 */
size_t acpi_tables_build(uint8_t *buffer, size_t size, paddr_t base, unsigned cpus);

#endif
