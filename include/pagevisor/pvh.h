/* SPDX-License-Identifier: MPL-2.0 */
/*
 * PVH direct boot: what the boot loader passes to the kernel (Xen public ABI, arch-x86/hvm/start_info.h and elfnote.h).
 * The VMM builds these structures, the guest reads them; QEMU builds the same ones.
 *
 * On entry: 32-bit protected mode, flat segments, paging off, ebx = physical address of the start
 * info.
 */
#ifndef PAGEVISOR_PVH_H
#define PAGEVISOR_PVH_H

#define PVH_NOTE_NAME          "Xen"
#define PVH_NOTE_ENTRY_TYPE    18 /* XEN_ELFNOTE_PHYS32_ENTRY: a 32-bit physical entry point */
#define PVH_START_INFO_MAGIC   0x336ec578
#define PVH_START_INFO_CMDLINE 24 /* offset of cmdline_paddr, for the boot stub */

#ifndef __ASSEMBLER__

#include <stdint.h>

#include <pagevisor/abi.h>

#define PVH_START_INFO_VERSION 1

struct pvh_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t module_count;
	uint64_t modules_paddr; /* array of struct pvh_module */
	uint64_t cmdline_paddr; /* NUL-terminated, 0 if there is none */
	uint64_t rsdp_paddr;    /* ACPI root pointer, 0 if there is none */
	uint64_t memmap_paddr;  /* array of struct pvh_memmap_entry (version 1) */
	uint32_t memmap_count;
	uint32_t reserved;
};

struct pvh_module {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
};

/* The types are those of the BIOS call E820 (ACPI 6.5, table 15.8). */
struct pvh_memmap_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

#define E820_USABLE           1
#define E820_RESERVED         2
#define E820_ACPI_RECLAIMABLE 3
#define E820_ACPI_NVS         4
#define E820_UNUSABLE         5
#define E820_NON_VOLATILE     7

ABI_OFFSET(struct pvh_start_info, magic, 0);
ABI_OFFSET(struct pvh_start_info, version, 4);
ABI_OFFSET(struct pvh_start_info, flags, 8);
ABI_OFFSET(struct pvh_start_info, module_count, 12);
ABI_OFFSET(struct pvh_start_info, modules_paddr, 16);
ABI_OFFSET(struct pvh_start_info, cmdline_paddr, PVH_START_INFO_CMDLINE);
ABI_OFFSET(struct pvh_start_info, rsdp_paddr, 32);
ABI_OFFSET(struct pvh_start_info, memmap_paddr, 40);
ABI_OFFSET(struct pvh_start_info, memmap_count, 48);
ABI_SIZE(struct pvh_start_info, 56);

ABI_OFFSET(struct pvh_module, paddr, 0);
ABI_OFFSET(struct pvh_module, size, 8);
ABI_OFFSET(struct pvh_module, cmdline_paddr, 16);
ABI_SIZE(struct pvh_module, 32);

ABI_OFFSET(struct pvh_memmap_entry, addr, 0);
ABI_OFFSET(struct pvh_memmap_entry, size, 8);
ABI_OFFSET(struct pvh_memmap_entry, type, 16);
ABI_SIZE(struct pvh_memmap_entry, 24);

#endif /* __ASSEMBLER__ */
#endif
