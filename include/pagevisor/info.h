/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the guest publishes about itself: one page-aligned page in its image.
 *
 * Found through an ELF note of the image or, with nothing but RAM in hand, by its magic at page
 * granularity. The guest writes, the host reads; the one exception is the mailbox. A reader loads
 * boot_stage (acquire) first: a stage promises the fields named beside it, and a field never
 * changes once its stage is reached. Fixed-width types only; every address is the guest's, physical
 * where the name ends in _pa and virtual where it ends in _va. To the host all of it is hostile
 * input.
 */
#ifndef PAGEVISOR_INFO_H
#define PAGEVISOR_INFO_H

#define INFO_NOTE_NAME "pagevisor"
#define INFO_NOTE_TYPE 1 /* descriptor: 64-bit physical address of the info page */

#define INFO_ABI_VERSION 4

#define META_TYPES_MAX       48
#define TYPE_DESCRIPTOR_SIZE 64

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/layout.h>

#define INFO_MAGIC       UINT64_C(0x726f736976676170) /* "pagvisor", little-endian */
#define INFO_REGIONS_MAX 64

/* How far the guest has come; each stage is also written to PORT_BOOT_STAGE. */
enum boot_stage {
	STAGE_NONE,
	STAGE_ENTERED, /* in its final ring: magic, versions, kernel image, types, symbols, mailbox */
	STAGE_MEMORY, /* memory map read: regions, max_paddr */
	STAGE_METADATA, /* metadata array initialised: array_pa, slot_count, array_va, linear_va, page_table_pa */
	STAGE_ALLOCATOR, /* frame allocator running: allocator_pa */
	STAGE_CPUS,      /* all processors up: cpu_count, counters_pa, tsc_khz, trace_pa */
	STAGE_READY,     /* the guest's own check of every slot passed */
	STAGE_RUNNING,   /* workload started on all processors */
	STAGE_FINISHED,  /* workload ended, counters are final, nothing changes any more */
	STAGE_PANIC,
	STAGE_COUNT,
};

struct info_region {
	uint64_t addr;
	uint64_t size;
	uint32_t type; /* E820_* as given at boot */
	uint32_t reserved;
};

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
	uint64_t types_va;
	uint32_t type_count;
	uint32_t type_size;   /* sizeof(struct type_descriptor) */
	uint64_t counters_pa; /* array of cpu_count struct cpu_counters */
	uint64_t mailbox_pa;
	uint64_t log_pa;
	uint64_t btf_pa; /* 0 when the image carries no BTF */
	uint64_t btf_size;
	uint64_t tsc_khz;
	uint64_t array_va; /* where the kernel has slot 0; 0 when it does not say */
	uint64_t
		linear_va; /* where it has physical address 0, and all RAM from there on; 0 as above */
	uint64_t page_table_pa; /* the root of its page table; 0 as above */
	uint64_t allocator_pa;  /* struct allocator_descriptor; 0 when it has none */
	uint64_t trace_pa;      /* array of cpu_count struct trace_ring; 0 when it does not trace */
	uint64_t symbols_pa;    /* struct symbol_table; 0 when the image carries none */
	uint64_t symbols_size;
	uint32_t region_count;
	uint32_t reserved;
	struct info_region regions[INFO_REGIONS_MAX]; /* the memory map as it was given */
};

_Static_assert(offsetof(struct guest_info, boot_stage) == 16, "info page is ABI");
_Static_assert(offsetof(struct guest_info, array_pa) == 32, "info page is ABI");
_Static_assert(offsetof(struct guest_info, types_va) == 80, "info page is ABI");
_Static_assert(offsetof(struct guest_info, trace_pa) == 176, "info page is ABI");
_Static_assert(offsetof(struct guest_info, regions) == 208, "info page is ABI");
_Static_assert(sizeof(struct guest_info) == 208 + 24 * INFO_REGIONS_MAX, "info page is ABI");
_Static_assert(sizeof(struct guest_info) <= 4096, "the info page is one page");

/*
 * A metadata type, as the host sees it. pagemeta/meta_type.h has the guest's view of the same
 * bytes.
 */
struct type_descriptor {
	char name[32]; /* NUL-terminated */
	uint64_t on_drop_va;
	uint16_t size; /* of the metadata, in bytes */
	uint16_t align;
	uint8_t is_untyped;
	uint8_t link_place;   /* 1 + the storage word of a struct list_link; 0: the type has none */
	uint8_t is_permanent; /* its frames are never freed, and nobody need hold a reference */
	uint8_t reserved[17];
};

_Static_assert(offsetof(struct type_descriptor, on_drop_va) == 32, "type descriptor is ABI");
_Static_assert(offsetof(struct type_descriptor, size) == 40, "type descriptor is ABI");
_Static_assert(sizeof(struct type_descriptor) == TYPE_DESCRIPTOR_SIZE, "type descriptor is ABI");

/*
 * What one processor did since boot. One writer (that processor), relaxed; read at any time, exact
 * only from STAGE_FINISHED on. Every reference is counted: those that exist now are
 * sum(claimed) + gets - puts, and the frames of type t are claimed[t] - dropped[t]. The owner of a
 * unique frame is one reference. A unique frame that is given another type counts as put and dropped
 * as the old one and claimed as the new one.
 */
struct cpu_counters {
	uint64_t operations; /* steps of the workload */
	uint64_t allocations;
	uint64_t frees;    /* last references put */
	uint64_t refusals; /* allocations refused for want of memory */
	uint64_t gets;
	uint64_t puts;
	uint64_t failures; /* checks of the workload's own that failed */
	uint64_t reserved;
	uint64_t claimed[META_TYPES_MAX];
	uint64_t dropped[META_TYPES_MAX];
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct cpu_counters, claimed) == 64, "counters are ABI");
_Static_assert(sizeof(struct cpu_counters) == 64 + 16 * META_TYPES_MAX, "counters are ABI");

/* The host's one way to speak to a running guest. Relaxed words, polled by the workload. */
struct mailbox {
	uint32_t stop; /* nonzero: end the workload in good order */
	uint32_t reserved[15];
};

_Static_assert(sizeof(struct mailbox) == 64, "mailbox is ABI");

/* The console's text, newest bytes last; written bytes so far in head, index modulo the size. */
#define LOG_TEXT_SIZE 8192

struct log_ring {
	uint64_t head;
	char text[LOG_TEXT_SIZE];
};

_Static_assert(offsetof(struct log_ring, text) == 8, "log ring is ABI");

static inline const char *boot_stage_name(unsigned stage)
{
	static const char *const names[STAGE_COUNT] = {
		[STAGE_NONE] = "none",           [STAGE_ENTERED] = "entered",
		[STAGE_MEMORY] = "memory",       [STAGE_METADATA] = "metadata",
		[STAGE_ALLOCATOR] = "allocator", [STAGE_CPUS] = "cpus",
		[STAGE_READY] = "ready",         [STAGE_RUNNING] = "running",
		[STAGE_FINISHED] = "finished",   [STAGE_PANIC] = "panic",
	};
	return stage < STAGE_COUNT ? names[stage] : "unknown";
}

#endif /* __ASSEMBLER__ */
#endif
