/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks the kernel's page table from its root, on every path to a table, in address order.
 *
 * Tables are hostile: they may point at themselves, at each other or outside of RAM. The walk ends because it walks a
 * table at one level only and bounds the number of tables in all. It reports what cannot be a table and skips it. It
 * copies each table from RAM at once; holes stay holes. A running guest may change its tables meanwhile: the walk then
 * sees some as they were and some as they are.
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

/* A present entry; once for each path to it. */
struct page_entry {
	uint64_t table;  /* number of the frame that holds it */
	unsigned index;  /* its index in that table */
	unsigned level;  /* of the table that holds it; 0: it maps a 4 KiB page */
	uint64_t va;     /* the first address that it translates on this path, canonical */
	uint64_t pa;     /* of the page or table that it points at */
	uint64_t value;  /* as it is in memory */
	uint64_t rights; /* PTE_WRITE, PTE_USER and PTE_NO_EXECUTE, effective on this path */
	bool is_page; /* it maps a page of pt_entry_size(level) bytes; otherwise it points at a table */
};

/* A frame that was walked as a table. */
struct walked_table {
	uint64_t frame;
	unsigned level;
	uint64_t va;      /* the lowest address that is translated through it */
	uint64_t entries; /* present entries that point at it at this level, each counted once */
};

struct page_walk {
	/* Set by the caller. */
	const struct guest_memory *memory;
	uint64_t frame_count; /* the number of a table's frame is below it */
	void *context;
	void (*on_entry)(void *context, const struct page_entry *entry);
	void (*on_problem)(void *context, const struct finding *finding); /* RULE_PAGE_TABLE */

	/* The results. */
	uint64_t table_count;
	bool is_cut; /* truncated: stopped early; whole-table conclusions do not hold */

	/* Private to the walk. */
	void *tables;
	unsigned visits;
	bool no_memory;
};

/* Called once. Returns 0 whatever the tables contain, or -ENOMEM. Call page_walk_end() in either case. */
int page_walk(struct page_walk *walk, paddr_t root, struct error *err);

/* A frame that was walked as a table, or NULL if it was not. */
const struct walked_table *page_walk_table(const struct page_walk *walk, uint64_t frame);

/* Calls a function for each walked table, in the order of their frame numbers. */
void page_walk_tables(const struct page_walk *walk,
		      void (*function)(void *context, const struct walked_table *table));

void page_walk_end(struct page_walk *walk);

#endif
