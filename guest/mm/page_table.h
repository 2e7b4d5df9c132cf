/* SPDX-License-Identifier: MPL-2.0 */
/*
 * 4-level page tables, built by pure functions over memory: tables are reached through the linear mapping, new ones
 * come from the caller. Also compiled for the host, for its unit tests.
 */
#ifndef GUEST_PAGE_TABLE_H
#define GUEST_PAGE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

struct page_table {
	paddr_t root;
	/*
	 * Takes one frame for a new table of this level, which translates addresses from `va` on. The frame's bytes may
	 * have any content. False when there is none.
	 */
	bool (*take_frame)(void *context, unsigned level, uint64_t va, paddr_t *frame);
	void *context;
};

/*
 * Maps `size` bytes at va to pa, all page-aligned, with `flags` (PTE_*) in the entries that map
 * pages; 2 MiB pages wherever both addresses and the rest allow. Returns false, with part of the
 * range possibly mapped, when a frame for a table is missing, when an address is not page-aligned
 * or when something is mapped there already. Flushes nothing: new translations of unmapped
 * addresses need no flush.
 */
bool page_table_map(struct page_table *table, uint64_t va, paddr_t pa, uint64_t size,
		    uint64_t flags);

#endif
