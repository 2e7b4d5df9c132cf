/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A Linux kernel found in a memory: where its tables, symbols and struct pages are. Made in steps, each of which may say
 * that it cannot: note, page tables, symbols, BTF, sections.
 */
#ifndef VMM_LINUX_KERNEL_H
#define VMM_LINUX_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/kind.h"
#include "kind/linux/kernel_space.h"
#include "kind/linux/page_layout.h"
#include "kind/linux/vmcoreinfo.h"

/* Symbols that are looked up; 0 where the kernel does not name them. */
struct linux_symbols {
	uint64_t text, end, vmemmap_base, page_offset_base, vmalloc_base, mem_section, node_data, per_cpu_offset,
		nr_cpu_ids, jiffies_64, btf_start, btf_stop, init_task, init_uts_ns, linux_banner, cpu_online_mask;
};

struct linux_kernel {
	const struct guest_memory *memory;
	struct vmcoreinfo info;
	struct kernel_space space;
	int64_t phys_base;
	struct linux_symbols symbols;
	bool has_symbols;
	struct error no_symbols; /* why not */
	struct page_layout layout;
	struct error no_layout; /* why only the lesser level */
	struct btf *btf;	/* NULL with the lesser level */
	uint64_t vmemmap;	/* virtual address of the record of frame 0 */
	uint64_t frame_count;	/* one more than the last frame that has a record */
	uint64_t present;	/* frames that have one */
	unsigned run_count;
	struct record_run runs[RECORD_RUNS_MAX];
};

/* A candidate is found and validated by kernel_find.h. */

/* Symbols, BTF, layout, sections, runs of a validated candidate. Returns 0, -EPROTO with a text, or -ENOMEM. */
int linux_kernel_open(struct linux_kernel *kernel, struct error *err);
void linux_kernel_close(struct linux_kernel *kernel);

/* Reads the record of a frame. Returns 0, -ENOENT there is none, or the error of reading. */
int linux_kernel_record(const struct linux_kernel *kernel, pfn_t pfn, void *record);

#endif
