/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The boot page table, laid out by the assembler: the first 4 GiB in 2 MiB pages, seen through the identity
 * map and through the linear mapping, and the first GiB at KERNEL_VIRTUAL_BASE.
 *
 * Every entry allows user access, for a kernel that runs in ring 3; without SMEP and SMAP this has no effect on one in
 * ring 0. The pages of the interrupt controllers are not cached.
 */
#include <pagevisor/address.h>
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#define PHYSICAL(symbol) ((symbol) - KERNEL_VIRTUAL_BASE)
#define TABLE            (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define LARGE            (TABLE | PTE_LARGE)
#define PML4_INDEX(va)   (((va) >> 39) & (PT_ENTRIES - 1))
#define PDPT_INDEX(va)   (((va) >> 30) & (PT_ENTRIES - 1))
#define TABLE_BYTES      (PT_ENTRIES * 8)
#define BOOT_GIBS        (BOOT_MAPPED_SIZE >> 30)

	.section .data.boot_page_table, "aw"
	.balign TABLE_BYTES
	.global boot_pml4
boot_pml4:
	.quad PHYSICAL(boot_pdpt) + TABLE
	.org boot_pml4 + 8 * PML4_INDEX(LINEAR_MAP_BASE)
	.quad PHYSICAL(boot_pdpt) + TABLE
	.org boot_pml4 + 8 * PML4_INDEX(KERNEL_VIRTUAL_BASE)
	.quad PHYSICAL(kernel_pdpt) + TABLE
	.org boot_pml4 + TABLE_BYTES

boot_pdpt:
	.set table, 0
	.rept BOOT_GIBS
	.quad PHYSICAL(boot_pd) + table * TABLE_BYTES + TABLE
	.set table, table + 1
	.endr
	.org boot_pdpt + TABLE_BYTES

kernel_pdpt:
	.org kernel_pdpt + 8 * PDPT_INDEX(KERNEL_VIRTUAL_BASE)
	.quad PHYSICAL(boot_pd) + TABLE
	.org kernel_pdpt + TABLE_BYTES

boot_pd:
	.set page, 0
	.rept BOOT_GIBS * PT_ENTRIES
	.if page == (LAPIC_BASE >> LARGE_PAGE_SHIFT) || page == (IOAPIC_BASE >> LARGE_PAGE_SHIFT)
	.quad (page << LARGE_PAGE_SHIFT) + LARGE + PTE_NOCACHE
	.else
	.quad (page << LARGE_PAGE_SHIFT) + LARGE
	.endif
	.set page, page + 1
	.endr
