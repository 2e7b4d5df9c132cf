/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The address space of a Linux kernel or of one of its processes, through page tables of 4 or 5 levels that lie in the
 * guest's memory and are hostile. A translation reads one entry a level, each once; the guest may change its tables
 * meanwhile.
 */
#ifndef VMM_LINUX_KERNEL_SPACE_H
#define VMM_LINUX_KERNEL_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/guest_memory.h"

struct kernel_space {
	const struct guest_memory *memory;
	paddr_t root;	 /* of the top table, without the bits of CR3 that are no address */
	unsigned levels; /* 4 or 5 */
};

/*
 * Where va is mapped. *length, which may be NULL, is set to the bytes from va on that the same entry maps. Returns 0;
 * -EINVAL not canonical, or not mapped; -EFAULT a table lies outside of the memory; or the error of reading. The page
 * itself need not lie in the memory.
 */
int kernel_space_translate(const struct kernel_space *space, uint64_t va, paddr_t *pa,
			   uint64_t *length);

/* Copies from virtual addresses, across pages. Returns 0, or as above; then the buffer holds nothing of use. */
int kernel_space_copy(const struct kernel_space *space, uint64_t va, void *buffer, size_t length);

/* One aligned word. */
int kernel_space_word(const struct kernel_space *space, uint64_t va, uint64_t *word);

/* Whether an address can be the kernel's: canonical, in the upper half. Every pointer of a chain is checked by it. */
bool kernel_space_is_kernel_va(const struct kernel_space *space, uint64_t va);

#endif
