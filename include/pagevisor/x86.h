/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bits of the x86-64 architecture that guest and VMM use (Intel SDM volume 3A, AMD APM volume 2).
 * Each bit is defined once, by number; masks derive from it. Usable from assembly.
 */
#ifndef PAGEVISOR_X86_H
#define PAGEVISOR_X86_H

#ifdef __ASSEMBLER__
#define X86_BIT(bit) (1 << (bit))
#else
#include <stdint.h>

#include <pagevisor/address.h>

#define X86_BIT(bit) (UINT64_C(1) << (bit))
#endif

/* Control register 0 (SDM 3A 2.5). */
#define CR0_PE_BIT 0
#define CR0_ET_BIT 4
#define CR0_WP_BIT 16
#define CR0_PG_BIT 31
#define CR0_PE     X86_BIT(CR0_PE_BIT)
#define CR0_ET     X86_BIT(CR0_ET_BIT)
#define CR0_WP     X86_BIT(CR0_WP_BIT)
#define CR0_PG     X86_BIT(CR0_PG_BIT)

/* Control register 4. */
#define CR4_PAE_BIT 5
#define CR4_PAE     X86_BIT(CR4_PAE_BIT)

/* Model-specific registers (SDM volume 4). */
#define MSR_TSC            0x10
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_EFER           0xc0000080
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define EFER_LME_BIT 8
#define EFER_LME     X86_BIT(EFER_LME_BIT)

/* CPUID (SDM 2A). */
#define CPUID_LEAF_FEATURES  1
#define CPUID_ECX_RDRAND_BIT 30
#define CPUID_ECX_RDRAND     X86_BIT(CPUID_ECX_RDRAND_BIT)

#define RFLAGS_RESERVED_BIT 1
#define RFLAGS_RESERVED     X86_BIT(RFLAGS_RESERVED_BIT) /* always one */

/* Page-table entries (SDM 3A 4.5). */
#define PTE_PRESENT_BIT    0
#define PTE_WRITE_BIT      1
#define PTE_USER_BIT       2
#define PTE_NOCACHE_BIT    4
#define PTE_ACCESSED_BIT   5
#define PTE_DIRTY_BIT      6 /* only in entries that map pages */
#define PTE_LARGE_BIT      7
#define PTE_GLOBAL_BIT     8
#define PTE_NO_EXECUTE_BIT 63 /* where EFER.NXE is set */
#define PTE_PRESENT        X86_BIT(PTE_PRESENT_BIT)
#define PTE_WRITE          X86_BIT(PTE_WRITE_BIT)
#define PTE_USER           X86_BIT(PTE_USER_BIT)
#define PTE_NOCACHE        X86_BIT(PTE_NOCACHE_BIT)
#define PTE_ACCESSED       X86_BIT(PTE_ACCESSED_BIT)
#define PTE_DIRTY          X86_BIT(PTE_DIRTY_BIT)
#define PTE_LARGE          X86_BIT(PTE_LARGE_BIT)
#define PTE_GLOBAL         X86_BIT(PTE_GLOBAL_BIT)
#define PTE_NO_EXECUTE     X86_BIT(PTE_NO_EXECUTE_BIT)

#define PT_ENTRIES       512
#define PT_INDEX_BITS    9
#define PT_LEVELS        4
#define PTE_ADDRESS_MASK 0x000ffffffffff000
#define VA_SIGN_BIT      47 /* all bits above it are equal to it (SDM 3A 4.5.4) */

#ifndef __ASSEMBLER__

/* Bytes that one entry of a table translates. At level 0 the entries map 4 KiB pages. */
static inline uint64_t pt_entry_size(unsigned level)
{
	return PAGE_SIZE << (level * PT_INDEX_BITS);
}

/* The first address that an entry translates; table_va is the first address of its table. */
static inline uint64_t pt_entry_va(uint64_t table_va, unsigned level, unsigned index)
{
	uint64_t va = table_va + index * pt_entry_size(level);

	return va & X86_BIT(VA_SIGN_BIT) ? va | -X86_BIT(VA_SIGN_BIT) : va;
}

#endif

/*
 * Segment selectors of the guest's descriptor tables. They have the order that SYSRET needs (data before code), so
 * adding system calls need not change the table.
 */
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x18
#define SELECTOR_USER_CODE   0x20
#define SELECTOR_TSS         0x28 /* two entries wide */
#define SELECTOR_BOOT_CODE32 0x38 /* on the way into long mode */
#define GDT_ENTRIES          8
#define RING_USER            3

/* Segment descriptors as 64-bit constants: flat, present, accessed (SDM 3A 3.4.5). */
#define DESCRIPTOR_CODE64  0x00209b0000000000
#define DESCRIPTOR_CODE32  0x00cf9b000000ffff
#define DESCRIPTOR_DATA    0x00cf93000000ffff
#define DESCRIPTOR_DPL3    0x0000600000000000
#define DESCRIPTOR_PRESENT 0x80 /* in the type byte */

/* Descriptor types of system segments in long mode (SDM 3A table 3-2). */
#define SEGMENT_TYPE_CODE 0xb /* execute, read, accessed */
#define SEGMENT_TYPE_DATA 0x3 /* read, write, accessed */
#define SEGMENT_TYPE_TSS  0x9 /* available 64-bit TSS */
#define SEGMENT_TYPE_BUSY 0xb /* busy TSS */
#define SEGMENT_TYPE_GATE 0xe /* 64-bit interrupt gate */

/* Local APIC (SDM 3A chapter 11): memory-mapped registers, offsets from its base. */
#define LAPIC_BASE     0xfee00000
#define LAPIC_ID       0x20
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_ICR_LOW  0x300
#define LAPIC_ICR_HIGH 0x310
#define LAPIC_SIZE     0x1000
#define IOAPIC_BASE    0xfec00000
#define LAPIC_ID_SHIFT 24
#define LAPIC_ENABLE   X86_BIT(8)
#define LAPIC_PENDING  X86_BIT(12)
#define ICR_INIT       0x00000500
#define ICR_STARTUP    0x00000600
#define ICR_ASSERT     0x00004000

#endif
