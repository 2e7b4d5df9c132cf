/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A Linux kernel that was found: its symbols, its types, the layout of its struct pages and where these lie. What cannot be
 * had leaves a lesser level, and a text that says why; see page_layout.h.
 */
#ifndef VMM_LINUX_KERNEL_H
#define VMM_LINUX_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/linux/kernel_candidate.h"
#include "kind/linux/page_blocks.h"
#include "kind/linux/page_layout.h"
#include "kind/linux/sections.h"

/* Symbols that are looked up; 0 where the kernel does not name them. */
struct linux_symbols {
	uint64_t btf_start, btf_stop, jiffies_64, nr_cpu_ids, cpu_online_mask, per_cpu_offset,
		vm_event_states, init_task, slab_caches, runqueues, vmalloc_base, page_offset_base,
		image_end;
};

struct linux_kernel {
	const struct guest_memory *memory;
	struct kernel_candidate found; /* its image is not kept */
	struct linux_symbols symbols;
	struct error no_symbols; /* why there are none; else empty */
	struct btf *btf;         /* NULL with the lesser level */
	struct page_layout layout;
	struct error no_layout; /* why only the lesser level; else empty */
	struct page_array array;
	struct page_blocks blocks;
};

/*
 * Opens a candidate, which stays the caller's. Returns 0, -EPROTO with a text, or -ENOMEM; after an error there is nothing
 * to close.
 */
int linux_kernel_open(struct linux_kernel *kernel, struct kernel_candidate *candidate,
		      struct error *err);
void linux_kernel_close(struct linux_kernel *kernel);

/* CONFIG_NR_CPUS of Debian. */
#define LINUX_CPUS_MAX 8192

/* One more than the highest number of a CPU that the guest can have; 0: not known. */
unsigned linux_cpus_max(const struct linux_kernel *kernel);

/* Copies the record of a frame. Returns 0, -ENOENT there is none, or the error of reading. */
int linux_kernel_record(const struct linux_kernel *kernel, pfn_t frame, void *record);

/*
 * Copies the records that lie in a page of memory with the frame's, which have room for PAGE_SIZE bytes, and says of which frames
 * they are. Returns as linux_kernel_record.
 */
int linux_kernel_records(const struct linux_kernel *kernel, pfn_t frame, void *records,
			 pfn_t *first, uint64_t *count);

/* As linux_kernel_record, but -EAGAIN if the record would have to be copied by a reader, which may block. */
int linux_kernel_mapped_record(const struct linux_kernel *kernel, pfn_t frame, void *record);

/* The frame whose `lru` a node of a list is. Returns false if it is no frame's. */
bool linux_kernel_page_of_node(const struct linux_kernel *kernel, uint64_t node, uint64_t *pfn);

#endif
