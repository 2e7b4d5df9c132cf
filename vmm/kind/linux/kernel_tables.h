/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks page tables over a range of addresses: what they map, and the tables themselves. The tables are hostile, may be each
 * other's, and change meanwhile: each is read once, as a whole, and their number and the time are bounded.
 */
#ifndef VMM_LINUX_KERNEL_TABLES_H
#define VMM_LINUX_KERNEL_TABLES_H

#include "kind/linux/kernel_space.h"

struct table_walk {
	uint64_t first, last; /* addresses of bytes; both in the same half of the address space */
	unsigned lowest;      /* tables below this level are visited, but not read */
	/* What the whole walk may take; several walks may share it. */
	uint64_t tables_left;
	uint64_t end_ns; /* CLOCK_MONOTONIC */
	/*
	 * Frames that an entry maps at va, in ascending order, and the frame of a table; the root is no such. A result other than 0 ends
	 * the walk. Each may be NULL.
	 */
	int (*mapped)(void *own, uint64_t va, uint64_t first, uint64_t count);
	int (*table)(void *own, uint64_t frame);
	void *own;
	bool is_partial; /* set where a table cannot be read */
};

/* Returns 0; -E2BIG if the walk was cut; or as a visitor. What cannot be read is passed over. */
int kernel_tables_walk(const struct kernel_space *space, struct table_walk *walk);

#endif
