/* SPDX-License-Identifier: MPL-2.0 */
/* ACPI tables of the VM: see acpi_tables.h. */
#include "machine/boot/acpi_tables.h"

#include <string.h>

#include <pagevisor/acpi.h>
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#define OEM_ID       "PGVISR"   /* 6 characters, no NUL */
#define OEM_TABLE_ID "PAGEVISR" /* 8 characters, no NUL */
#define OEM_REVISION 1

#define RSDP_ALIGN    16 /* ACPI 6.5, 5.2.5.1 */
#define RSDP_REVISION 2
#define RSDP_V1_SIZE  20 /* the bytes that the first checksum covers */
#define XSDT_REVISION 1
#define MADT_REVISION 3 /* of ACPI 5.0: no newer type of entry is used */

#define MADT_PCAT_COMPAT 1 /* KVM's interrupt controller has the two 8259s as well */

/* KVM's IOAPIC has id 0 at start, and its pins are the global system interrupts from 0 on. */
#define IOAPIC_ID       0
#define IOAPIC_GSI_BASE 0

/* All tables, in their layout in memory, with entries for the existing processors only. */
struct tables {
	struct acpi_rsdp rsdp;
	uint8_t pad0[12];
	struct acpi_header xsdt;
	uint64_t xsdt_entry;
	uint8_t pad1[4];
	struct acpi_madt madt;
	struct acpi_madt_ioapic ioapic;
	struct acpi_madt_lapic lapics[MAX_CPUS];
} __attribute__((packed));

_Static_assert(offsetof(struct tables, xsdt) % 16 == 0, "tables are aligned");
_Static_assert(offsetof(struct tables, madt) % 16 == 0, "tables are aligned");
_Static_assert(sizeof(struct tables) <= ACPI_TABLES_SIZE_MAX, "room for all processors");

/* The value that makes the bytes sum to zero. The checksum's own byte must still be 0. */
static uint8_t checksum(const void *table, size_t length)
{
	const uint8_t *bytes = table;
	uint8_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static void fill_header(struct acpi_header *header, const char *signature, uint8_t revision,
			size_t length)
{
	memcpy(header->signature, signature, sizeof(header->signature));
	header->length = (uint32_t)length;
	header->revision = revision;
	memcpy(header->oem_id, OEM_ID, sizeof(header->oem_id));
	memcpy(header->oem_table_id, OEM_TABLE_ID, sizeof(header->oem_table_id));
	header->oem_revision = OEM_REVISION;
}

static void fill_rsdp(struct tables *tables, paddr_t base)
{
	struct acpi_rsdp *rsdp = &tables->rsdp;

	memcpy(rsdp->signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, OEM_ID, sizeof(rsdp->oem_id));
	rsdp->revision = RSDP_REVISION;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt_paddr = base.addr + offsetof(struct tables, xsdt);
	rsdp->checksum = checksum(rsdp, RSDP_V1_SIZE);
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
}

static void fill_xsdt(struct tables *tables, paddr_t base)
{
	size_t length = sizeof(tables->xsdt) + sizeof(tables->xsdt_entry);

	fill_header(&tables->xsdt, ACPI_XSDT_SIGNATURE, XSDT_REVISION, length);
	tables->xsdt_entry = base.addr + offsetof(struct tables, madt);
	tables->xsdt.checksum = checksum((uint8_t *)tables + offsetof(struct tables, xsdt), length);
}

static void fill_madt(struct tables *tables, unsigned cpus)
{
	size_t length = sizeof(tables->madt) + sizeof(tables->ioapic) +
			cpus * sizeof(tables->lapics[0]);

	fill_header(&tables->madt.header, ACPI_MADT_SIGNATURE, MADT_REVISION, length);
	tables->madt.lapic_paddr = LAPIC_BASE;
	tables->madt.flags = MADT_PCAT_COMPAT;
	tables->ioapic = (struct acpi_madt_ioapic){
		.entry = {.type = ACPI_MADT_IOAPIC, .length = sizeof(tables->ioapic)},
		.ioapic_id = IOAPIC_ID,
		.paddr = IOAPIC_BASE,
		.gsi_base = IOAPIC_GSI_BASE,
	};
	for (unsigned i = 0; i < cpus; i++)
		tables->lapics[i] = (struct acpi_madt_lapic){
			.entry = {.type = ACPI_MADT_LAPIC, .length = sizeof(tables->lapics[0])},
			.processor_uid = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = ACPI_LAPIC_ENABLED,
		};
	tables->madt.header.checksum =
		checksum((uint8_t *)tables + offsetof(struct tables, madt), length);
}

size_t acpi_tables_build(uint8_t *buffer, size_t size, paddr_t base, unsigned cpus)
{
	struct tables tables = {0};
	size_t length = offsetof(struct tables, lapics) + cpus * sizeof(tables.lapics[0]);

	if (cpus == 0 || cpus > MAX_CPUS || length > size || !is_aligned(base.addr, RSDP_ALIGN))
		return 0;
	fill_rsdp(&tables, base);
	fill_xsdt(&tables, base);
	fill_madt(&tables, cpus);
	memcpy(buffer, &tables, length);
	return length;
}
