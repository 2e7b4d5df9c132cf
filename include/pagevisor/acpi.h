/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The few ACPI tables that name the processors (ACPI 6.5, chapter 5.2): RSDP -> XSDT or RSDT ->
 * MADT. The VMM builds them, the guest reads them; under QEMU they come from its firmware.
 */
#ifndef PAGEVISOR_ACPI_H
#define PAGEVISOR_ACPI_H

#include <stdint.h>

#include <pagevisor/abi.h>

#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_XSDT_SIGNATURE "XSDT"
#define ACPI_RSDT_SIGNATURE "RSDT"
#define ACPI_MADT_SIGNATURE "APIC"

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* the first 20 bytes sum to zero */
	char oem_id[6];
	uint8_t revision; /* 0: only rsdt_paddr counts; 2: xsdt_paddr as well */
	uint32_t rsdt_paddr;
	uint32_t length;
	uint64_t xsdt_paddr;
	uint8_t extended_checksum; /* all bytes sum to zero */
	uint8_t reserved[3];
} __attribute__((packed));

struct acpi_header {
	char signature[4];
	uint32_t length; /* of the whole table, header included */
	uint8_t revision;
	uint8_t checksum; /* all bytes of the table sum to zero */
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	uint32_t creator_id;
	uint32_t creator_revision;
} __attribute__((packed));

struct acpi_madt {
	struct acpi_header header;
	uint32_t lapic_paddr;
	uint32_t flags;
	/* entries follow, each beginning with a struct acpi_madt_entry */
} __attribute__((packed));

struct acpi_madt_entry {
	uint8_t type;
	uint8_t length;
} __attribute__((packed));

#define ACPI_MADT_LAPIC  0
#define ACPI_MADT_IOAPIC 1

struct acpi_madt_lapic {
	struct acpi_madt_entry entry;
	uint8_t processor_uid;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));

#define ACPI_LAPIC_ENABLED 1

struct acpi_madt_ioapic {
	struct acpi_madt_entry entry;
	uint8_t ioapic_id;
	uint8_t reserved;
	uint32_t paddr;
	uint32_t gsi_base;
} __attribute__((packed));

ABI_OFFSET(struct acpi_rsdp, checksum, 8);
ABI_OFFSET(struct acpi_rsdp, revision, 15);
ABI_OFFSET(struct acpi_rsdp, rsdt_paddr, 16);
ABI_OFFSET(struct acpi_rsdp, length, 20);
ABI_OFFSET(struct acpi_rsdp, xsdt_paddr, 24);
ABI_OFFSET(struct acpi_rsdp, extended_checksum, 32);
ABI_SIZE(struct acpi_rsdp, 36);

ABI_OFFSET(struct acpi_header, length, 4);
ABI_OFFSET(struct acpi_header, revision, 8);
ABI_OFFSET(struct acpi_header, checksum, 9);
ABI_OFFSET(struct acpi_header, oem_id, 10);
ABI_OFFSET(struct acpi_header, oem_table_id, 16);
ABI_OFFSET(struct acpi_header, oem_revision, 24);
ABI_OFFSET(struct acpi_header, creator_id, 28);
ABI_OFFSET(struct acpi_header, creator_revision, 32);
ABI_SIZE(struct acpi_header, 36);

ABI_OFFSET(struct acpi_madt, lapic_paddr, 36);
ABI_OFFSET(struct acpi_madt, flags, 40);
ABI_SIZE(struct acpi_madt, 44);

ABI_OFFSET(struct acpi_madt_lapic, processor_uid, 2);
ABI_OFFSET(struct acpi_madt_lapic, apic_id, 3);
ABI_OFFSET(struct acpi_madt_lapic, flags, 4);
ABI_SIZE(struct acpi_madt_lapic, 8);

ABI_OFFSET(struct acpi_madt_ioapic, ioapic_id, 2);
ABI_OFFSET(struct acpi_madt_ioapic, paddr, 4);
ABI_OFFSET(struct acpi_madt_ioapic, gsi_base, 8);
ABI_SIZE(struct acpi_madt_ioapic, 12);

#endif
