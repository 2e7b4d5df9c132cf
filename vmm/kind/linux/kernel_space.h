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

#include <pagevisor/x86.h>

#include "memory/guest_memory.h"

#define KERNEL_LEVELS_MAX 5

/* Where the image's mapping begins (__START_KERNEL_map). */
#define KERNEL_MAP_BASE UINT64_C(0xffffffff80000000)

/* Whether an entry of `level`, counted from 0 for the tables that map small pages, maps memory if it maps anything. */
static inline bool kernel_entry_is_leaf(uint64_t entry, unsigned level)
{
	/* Above 1 GiB pages the bit is reserved, and the processor faults. */
	return level == 0 || (level <= 2 && entry & PTE_LARGE);
}

static inline bool kernel_entry_is_table(uint64_t entry, unsigned level)
{
	return entry & PTE_PRESENT && level > 0 && !(entry & PTE_LARGE);
}

/* Where memory was mapped a moment ago, for a look at many objects that lie beside each other. Begins as zeroes. */
#define KERNEL_MAPPINGS 16
struct kernel_mappings {
	struct {
		uint64_t va, length;
		paddr_t pa;
	} list[KERNEL_MAPPINGS];
	unsigned next; /* to be replaced */
};

struct kernel_space {
	const struct guest_memory *memory;
	paddr_t root;    /* of the top table, without the bits of CR3 that are no address */
	unsigned levels; /* 4 or 5 */
	/* What copies have met is not looked up again. It is as old as the look that it is for. NULL: each time anew. */
	struct kernel_mappings *met;
};

/* Memory that is mapped in a row, or nothing that is not. */
struct kernel_run {
	paddr_t pa;
	uint64_t length; /* bytes from the address on; 0: it is not canonical */
	bool is_writable, is_executable;
};

/*
 * What is mapped at va, and how far from there on: contiguously and with the same rights, or not at all. It ends at the
 * latest with the table in which va has its entry; up to `want` bytes are looked at, and what one entry maps is never
 * cut. Returns 0; -EINVAL not canonical, or not mapped, run->length says how far; -EFAULT a table lies outside of the
 * memory; or the error of reading. The pages themselves need not lie in the memory.
 *
 * Only the present bit counts: entries of pages that are swapped out, or may not be accessed (PROT_NONE), map nothing. An
 * encryption bit in an entry is taken for a bit of the address, which then lies outside of the memory.
 */
int kernel_space_run(const struct kernel_space *space, uint64_t va, uint64_t want,
		     struct kernel_run *run);

/* Where va is mapped. *length, which may be NULL, is set to the length of the run. Returns as above. */
int kernel_space_translate(const struct kernel_space *space, uint64_t va, paddr_t *pa,
			   uint64_t *length);

/* Copies from virtual addresses, across pages. Returns 0, or as above; then the buffer holds nothing of use. */
int kernel_space_copy(const struct kernel_space *space, uint64_t va, void *buffer, size_t length);

/* One aligned word. */
int kernel_space_word(const struct kernel_space *space, uint64_t va, uint64_t *word);

/* Whether an address can be the kernel's: canonical, in the upper half. Every pointer of a chain is checked by it. */
bool kernel_space_is_kernel_va(const struct kernel_space *space, uint64_t va);

#endif
