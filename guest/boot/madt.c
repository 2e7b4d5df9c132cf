/* SPDX-License-Identifier: MPL-2.0 */
/* The processors, as ACPI's MADT lists them: see madt.h. */
#include "boot/madt.h"

#include <stddef.h>
#include <string.h>

#include <pagevisor/acpi.h>
#include <pagevisor/address.h>
#include <pagevisor/layout.h>

#include <pagemeta_platform.h>

#include "boot/boot_info.h"

/* Where PC firmware leaves the root if no pointer is given (ACPI 6.5, 5.2.5.1), and its alignment. */
#define RSDP_SEARCH_START 0xe0000
#define RSDP_SEARCH_END   0x100000
#define RSDP_ALIGN        16

/* Tables are mapped if they lie below the end of the boot page table; others are ignored. */
#define TABLE_LENGTH_MAX (1 << 20)

static const void *table_at(uint64_t pa, size_t length)
{
	if (pa == 0 || pa > BOOT_MAPPED_SIZE - TABLE_LENGTH_MAX || length > TABLE_LENGTH_MAX)
		return NULL;
	return platform_phys_to_virt(paddr(pa));
}

static const struct acpi_rsdp *rsdp_at(uint64_t pa)
{
	const struct acpi_rsdp *rsdp = table_at(pa, sizeof(*rsdp));

	return rsdp && memcmp(rsdp->signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature)) == 0
		       ? rsdp
		       : NULL;
}

static const struct acpi_rsdp *find_rsdp(void)
{
	const struct acpi_rsdp *rsdp = rsdp_at(boot_info.rsdp_pa);

	for (uint64_t pa = RSDP_SEARCH_START; !rsdp && pa < RSDP_SEARCH_END; pa += RSDP_ALIGN)
		rsdp = rsdp_at(pa);
	return rsdp;
}

static const struct acpi_header *header_at(uint64_t pa, const char *signature)
{
	const struct acpi_header *header = table_at(pa, sizeof(*header));

	if (!header || memcmp(header->signature, signature, sizeof(header->signature)) != 0 ||
	    !table_at(pa, header->length) || header->length < sizeof(*header))
		return NULL;
	return header;
}

/*
 * The MADT among the tables that a root table (RSDT or XSDT, by the size of its entries) points to.
 */
static const struct acpi_madt *find_madt(const struct acpi_header *root, size_t entry_size)
{
	const uint8_t *entries = (const uint8_t *)(root + 1);

	for (size_t at = 0; at + entry_size <= root->length - sizeof(*root); at += entry_size) {
		uint64_t pa = 0;

		memcpy(&pa, entries + at, entry_size);
		const struct acpi_header *table = header_at(pa, ACPI_MADT_SIGNATURE);

		if (table && table->length >= sizeof(struct acpi_madt))
			return (const struct acpi_madt *)table;
	}
	return NULL;
}

static const struct acpi_madt *locate_madt(void)
{
	const struct acpi_rsdp *rsdp = find_rsdp();
	const struct acpi_header *root;

	if (!rsdp)
		return NULL;
	if (rsdp->revision >= 2 && (root = header_at(rsdp->xsdt_paddr, ACPI_XSDT_SIGNATURE)))
		return find_madt(root, sizeof(uint64_t));
	if ((root = header_at(rsdp->rsdt_paddr, ACPI_RSDT_SIGNATURE)))
		return find_madt(root, sizeof(uint32_t));
	return NULL;
}

unsigned madt_read(uint32_t *apic_ids, unsigned max)
{
	const struct acpi_madt *madt = locate_madt();
	unsigned count = 0;

	if (!madt)
		return 0;

	const uint8_t *end = (const uint8_t *)madt + madt->header.length;
	const uint8_t *at = (const uint8_t *)(madt + 1);

	while (count < max && (size_t)(end - at) >= sizeof(struct acpi_madt_entry)) {
		const struct acpi_madt_entry *entry = (const struct acpi_madt_entry *)at;
		const struct acpi_madt_lapic *lapic = (const struct acpi_madt_lapic *)at;

		if (entry->length < sizeof(*entry) || entry->length > end - at)
			break;
		if (entry->type == ACPI_MADT_LAPIC && entry->length >= sizeof(*lapic) &&
		    lapic->flags & ACPI_LAPIC_ENABLED)
			apic_ids[count++] = lapic->apic_id;
		at += entry->length;
	}
	return count;
}
