/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A walk over the kernel's page table, from its root through every way to a table, in order of addresses.
 *
 * Tables are hostile: they may point at themselves, at each other, outside of RAM. A table is walked at one level
 * only, and there is a bound for how many are in all, so that the walk ends; what cannot be a table is reported and left
 * out. Each table is read at once, with nothing but copies of RAM, and holes of it stay holes. A guest that runs may
 * change its tables meanwhile: then the walk has seen some as they were and some as they are.
 */
#ifndef VMM_PAGE_WALK_H
#define VMM_PAGE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/x86.h>

#include "base/error.h"
#include "kind/findings.h"
#include "kind/pagevisor/rules.h"
#include "memory/guest_memory.h"

/* A present entry, as often as there are ways to it. */
struct page_entry {
	uint64_t table;  /* number of the frame that holds it */
	unsigned index;  /* and its place in there */
	unsigned level;  /* of the table that holds it; 0: it maps a 4 KiB page */
	uint64_t va;     /* the first address that it translates on this way, canonical */
	uint64_t pa;     /* of the page or table that it points at */
	uint64_t value;  /* as it is in memory */
	uint64_t rights; /* PTE_WRITE, PTE_USER and PTE_NO_EXECUTE as this way allows them */
	bool is_page; /* it maps a page of pt_entry_size(level) bytes; otherwise it points at a table */
};

/* A frame that was walked as a table. */
struct walked_table {
	uint64_t frame;
	unsigned level;
	uint64_t va;      /* the lowest address that goes through it */
	uint64_t entries; /* present ones that point at it at this level, each once */
};

struct page_walk {
	/* Set by the caller. */
	const struct guest_memory *memory;
	uint64_t frame_count; /* a table's number is below */
	void *context;
	void (*on_entry)(void *context, const struct page_entry *entry);
	void (*on_problem)(void *context, const struct finding *finding); /* RULE_PAGE_TABLE */

	/* What came out. */
	uint64_t table_count;
	bool is_cut; /* it ended before its end: nothing is sure that is about all entries */

	/* Its own. */
	void *tables;
	unsigned visits;
	bool no_memory;
};

/* Walks once. Returns 0 whatever the tables are like, or -ENOMEM. page_walk_end() frees what it took either way. */
int page_walk(struct page_walk *walk, paddr_t root, struct error *err);

/* A frame that was walked as a table; NULL: it was not. */
const struct walked_table *page_walk_table(const struct page_walk *walk, uint64_t frame);

/* Calls a function for each of them, by number. */
void page_walk_tables(const struct page_walk *walk,
		      void (*function)(void *context, const struct walked_table *table));

void page_walk_end(struct page_walk *walk);

#endif
