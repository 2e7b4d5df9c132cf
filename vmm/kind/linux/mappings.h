/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What page tables of processes map. The tables are hostile and change meanwhile, or are freed and become something else:
 * what a walk finds is true only after mapping_confirm has found it once more.
 *
 * As for the kernel itself (pte_present), what may not be accessed (PROT_NONE) is mapped, too; what is swapped out is not.
 */
#ifndef VMM_LINUX_MAPPINGS_H
#define VMM_LINUX_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/linux/owner_fields.h"

/* `count` frames from `first` on, at va and behind it. */
struct linux_mapping {
	uint64_t va, first, count;
};

/* A result other than 0 ends the walk. */
typedef int mapping_visit(void *own, const struct linux_mapping *mapping);

struct mapping_walk {
	uint64_t first, last; /* frames; what maps none of them is passed over */
	uint64_t tables_left; /* that may still be read: a table is read as a whole */
	mapping_visit *visit;
	void *own;
};

/* The top table of a process, from its struct mm_struct; space->root is the kernel's. Returns false if it cannot be had. */
bool process_space(const struct kernel_space *kernel, const struct owner_fields *fields,
		   uint64_t memory, struct kernel_space *space);

/*
 * Visits each mapping of a process in ascending order. Tables that cannot be read are passed over. Returns 0; -E2BIG if more
 * tables than tables_left would have to be read; or as `visit`.
 */
int process_mappings(const struct kernel_space *space, struct mapping_walk *walk);

/* Whether the tables, each read again, map a frame at va. */
bool mapping_confirm(const struct kernel_space *space, uint64_t va, uint64_t pfn);

#endif
