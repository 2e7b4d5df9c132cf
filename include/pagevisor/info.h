/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the guest publishes about itself: one page-aligned page in its image.
 *
 * An ELF note of the image gives its address. A reader that has nothing but RAM finds it by its magic at page
 * granularity. Only the guest writes it. A reader loads boot_stage (acquire) first; stage.h lists the fields that each
 * stage promises. Types are fixed-width. All addresses are the guest's: physical if the name ends in _pa, virtual if it
 * ends in _va. To the host, the whole page is hostile input.
 *
 * In every version of this ABI the page begins with struct info_head (note.h), so a reader can always tell the version.
 */
#ifndef PAGEVISOR_INFO_H
#define PAGEVISOR_INFO_H

#include <pagevisor/note.h>
#include <pagevisor/type.h>

#define INFO_ABI_VERSION 7

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/abi.h>
#include <pagevisor/layout.h>
#include <pagevisor/mailbox.h>
#include <pagevisor/stage.h>

/* Maximum number of entries in a memory map. A guest publishes no more, and a host reads no more. */
#define INFO_REGIONS_MAX 1024

/*
 * An entry of the memory map, as given at boot: entries may be unsorted, empty, overlapping or unaligned. If there were
 * more than fit, they are what the guest made of them: whole pages, and no memory is usable that was not.
 */
struct info_region {
	uint64_t addr;
	uint64_t size;
	uint32_t type; /* E820_* */
	uint32_t reserved;
};

ABI_OFFSET(struct info_region, addr, 0);
ABI_OFFSET(struct info_region, size, 8);
ABI_OFFSET(struct info_region, type, 16);
ABI_SIZE(struct info_region, 24);

struct guest_info {
	uint64_t magic; /* written last, with release */
	uint32_t abi_version;
	uint32_t info_size; /* sizeof(struct guest_info) */
	uint32_t boot_stage;
	uint32_t slot_size;
	uint32_t cpu_count;
	uint32_t ring;
	uint64_t array_pa;
	uint64_t slot_count;
	uint64_t max_paddr;
	uint64_t kernel_va_offset; /* a kernel virtual address minus this is physical */
	uint64_t kernel_start_pa;
	uint64_t kernel_end_pa;
	uint64_t types_va; /* array of type_count struct type_descriptor */
	uint32_t type_count;
	uint32_t type_size;   /* sizeof(struct type_descriptor) */
	uint64_t counters_pa; /* array of cpu_count struct cpu_counters */
	uint64_t mailbox_pa;  /* struct mailbox */
	uint64_t log_pa;      /* struct log_ring */
	uint64_t btf_pa;      /* 0 when the image carries no BTF */
	uint64_t btf_size;
	uint64_t tsc_khz;
	uint64_t array_va;  /* where the kernel maps slot 0; 0: not given */
	uint64_t linear_va; /* where it maps all RAM, from physical address 0 on; 0: not given */
	uint64_t page_table_pa; /* the root of its page table; 0: not given */
	uint64_t allocator_pa;  /* struct allocator_descriptor; 0 when it has none */
	uint64_t trace_pa;      /* array of cpu_count struct trace_ring; 0 when it does not trace */
	uint64_t symbols_pa;    /* struct symbol_table; 0 when the image carries none */
	uint64_t symbols_size;
	uint64_t boot_id;         /* random, not 0: new at each boot, then constant */
	uint64_t regions_pa;      /* array of region_count struct info_region: the memory map */
	uint32_t region_count;    /* at most INFO_REGIONS_MAX; 0: not given */
	uint32_t regions_dropped; /* entries that did not fit; 0: the map is as it was given */
	uint64_t keeper_pa; /* struct keeper_page (keeper.h); 0: no host may claim its frames */
};

ABI_OFFSET(struct guest_info, magic, 0);
ABI_OFFSET(struct guest_info, abi_version, 8);
ABI_OFFSET(struct guest_info, info_size, 12);
ABI_OFFSET(struct guest_info, boot_stage, 16);
ABI_OFFSET(struct guest_info, slot_size, 20);
ABI_OFFSET(struct guest_info, cpu_count, 24);
ABI_OFFSET(struct guest_info, ring, 28);
ABI_OFFSET(struct guest_info, array_pa, 32);
ABI_OFFSET(struct guest_info, slot_count, 40);
ABI_OFFSET(struct guest_info, max_paddr, 48);
ABI_OFFSET(struct guest_info, kernel_va_offset, 56);
ABI_OFFSET(struct guest_info, kernel_start_pa, 64);
ABI_OFFSET(struct guest_info, kernel_end_pa, 72);
ABI_OFFSET(struct guest_info, types_va, 80);
ABI_OFFSET(struct guest_info, type_count, 88);
ABI_OFFSET(struct guest_info, type_size, 92);
ABI_OFFSET(struct guest_info, counters_pa, 96);
ABI_OFFSET(struct guest_info, mailbox_pa, 104);
ABI_OFFSET(struct guest_info, log_pa, 112);
ABI_OFFSET(struct guest_info, btf_pa, 120);
ABI_OFFSET(struct guest_info, btf_size, 128);
ABI_OFFSET(struct guest_info, tsc_khz, 136);
ABI_OFFSET(struct guest_info, array_va, 144);
ABI_OFFSET(struct guest_info, linear_va, 152);
ABI_OFFSET(struct guest_info, page_table_pa, 160);
ABI_OFFSET(struct guest_info, allocator_pa, 168);
ABI_OFFSET(struct guest_info, trace_pa, 176);
ABI_OFFSET(struct guest_info, symbols_pa, 184);
ABI_OFFSET(struct guest_info, symbols_size, 192);
ABI_OFFSET(struct guest_info, boot_id, 200);
ABI_OFFSET(struct guest_info, regions_pa, 208);
ABI_OFFSET(struct guest_info, region_count, 216);
ABI_OFFSET(struct guest_info, regions_dropped, 220);
ABI_OFFSET(struct guest_info, keeper_pa, 224);
ABI_SIZE(struct guest_info, 232);

/*
 * What one processor has done since boot. Only that processor writes, relaxed. The counters may be read at any time but
 * are exact only from STAGE_FINISHED on. Every reference is counted: sum(claimed) + gets - puts references exist now,
 * and claimed[t] - dropped[t] frames are of type t. The owner of a unique frame counts as one reference. Giving a
 * unique frame another type counts as a put and a drop of the old type and a claim of the new one.
 */
struct cpu_counters {
	uint64_t operations; /* steps of the workload */
	uint64_t allocations;
	uint64_t frees;    /* last references put */
	uint64_t refusals; /* allocations refused for want of memory */
	uint64_t gets;
	uint64_t puts;
	uint64_t failures; /* failed checks by the workload */
	uint64_t reserved;
	uint64_t claimed[META_TYPES_MAX];
	uint64_t dropped[META_TYPES_MAX];
} __attribute__((aligned(64)));

ABI_OFFSET(struct cpu_counters, operations, 0);
ABI_OFFSET(struct cpu_counters, allocations, 8);
ABI_OFFSET(struct cpu_counters, frees, 16);
ABI_OFFSET(struct cpu_counters, refusals, 24);
ABI_OFFSET(struct cpu_counters, gets, 32);
ABI_OFFSET(struct cpu_counters, puts, 40);
ABI_OFFSET(struct cpu_counters, failures, 48);
ABI_OFFSET(struct cpu_counters, claimed, 64);
ABI_OFFSET(struct cpu_counters, dropped, 64 + 8 * META_TYPES_MAX);
ABI_SIZE(struct cpu_counters, 64 + 16 * META_TYPES_MAX);

/*
 * The console's text, newest bytes last. `head` counts the bytes written so far; the index of a byte is its position
 * modulo the size.
 */
#define LOG_TEXT_SIZE 8192

struct log_ring {
	uint64_t head;
	char text[LOG_TEXT_SIZE];
};

ABI_OFFSET(struct log_ring, head, 0);
ABI_OFFSET(struct log_ring, text, 8);
ABI_SIZE(struct log_ring, 8 + LOG_TEXT_SIZE);

#endif /* __ASSEMBLER__ */
#endif
