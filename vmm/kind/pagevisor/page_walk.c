/* SPDX-License-Identifier: MPL-2.0 */
/* A walk over the kernel's page table: see page_walk.h. */
#include "kind/guest.h"
#include "kind/pagevisor/page_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_NONE UINT64_MAX

/*
 * Maximum number of tables visited; a table counts once for each path to it. Enough to map 64 GiB of RAM in small
 * pages.
 */
#define VISITS_MAX 65536

/* A path to a table. */
struct way {
	uint64_t frame;
	unsigned level;
	uint64_t va;
	uint64_t rights;
};

static int compare_tables(const void *left, const void *right)
{
	const struct walked_table *a = left, *b = right;

	return (a->frame > b->frame) - (a->frame < b->frame);
}

static struct walked_table *find_table(const struct page_walk *walk, uint64_t frame)
{
	const struct walked_table wanted = {.frame = frame};
	void *found = tfind(&wanted, &walk->tables, compare_tables);

	return found ? *(struct walked_table **)found : NULL;
}

static struct walked_table *add_table(struct page_walk *walk, const struct way *way)
{
	struct walked_table *table = malloc(sizeof(*table));

	if (!table)
		return NULL;
	*table = (struct walked_table){.frame = way->frame, .level = way->level, .va = way->va};
	if (!tsearch(table, &walk->tables, compare_tables)) {
		free(table);
		return NULL;
	}
	walk->table_count++;
	return table;
}

__attribute__((format(printf, 4, 5))) static void
problem(struct page_walk *walk, uint64_t frame, const char *expected, const char *found, ...)
{
	struct finding finding = {.rule = RULE_PAGE_TABLE};
	va_list arguments;

	finding.has_frame = frame != FRAME_NONE;
	finding.frame = finding.has_frame ? pfn_to_paddr(pfn(frame)) : paddr(0);
	snprintf(finding.expected, sizeof(finding.expected), "%s", expected);
	va_start(arguments, found);
	vsnprintf(finding.found, sizeof(finding.found), found, arguments);
	va_end(arguments);
	walk->on_problem(walk->context, &finding);
}

static void visit(struct page_walk *walk, const struct way *way, bool is_counted);

/* is_counted: the table that holds the entry is walked for the first time. */
static void walk_entry(struct page_walk *walk, const struct way *way, unsigned index,
		       uint64_t value, bool is_counted)
{
	struct page_entry entry = {
		.table = way->frame,
		.index = index,
		.level = way->level,
		.va = pt_entry_va(way->va, way->level, index),
		.value = value,
		/* Every entry on the path must allow writing and user access; none may forbid execution. */
		.rights = (way->rights & value & (PTE_WRITE | PTE_USER)) |
			  ((way->rights | value) & PTE_NO_EXECUTE),
		.is_page = way->level == 0 || value & PTE_LARGE,
	};

	if (way->level == PT_LEVELS - 1 && value & PTE_LARGE) {
		problem(walk, way->frame, "no large pages in the root", "%#" PRIx64, value);
		return;
	}
	entry.pa = value & PTE_ADDRESS_MASK;
	if (entry.is_page)
		entry.pa = align_down(entry.pa, pt_entry_size(way->level));
	walk->on_entry(walk->context, &entry);
	if (!entry.is_page)
		visit(walk,
		      &(struct way){entry.pa / PAGE_SIZE, way->level - 1, entry.va, entry.rights},
		      is_counted);
}

/* The table at the end of a path; NULL if none can be there. */
static struct walked_table *enter(struct page_walk *walk, const struct way *way, bool *is_new)
{
	struct walked_table *table = find_table(walk, way->frame);
	char text[64];

	*is_new = !table;
	if (way->frame >= walk->frame_count) {
		snprintf(text, sizeof(text), "a table below %#" PRIx64,
			 walk->frame_count * PAGE_SIZE);
		problem(walk, FRAME_NONE, text, "%#" PRIx64, way->frame * PAGE_SIZE);
		return NULL;
	}
	if (table && table->level != way->level) {
		snprintf(text, sizeof(text), "a table of level %u only", table->level);
		problem(walk, way->frame, text, "also one of level %u", way->level);
		return NULL;
	}
	if (!table)
		table = add_table(walk, way);
	walk->no_memory |= !table;
	return table;
}

static void visit(struct page_walk *walk, const struct way *way, bool is_counted)
{
	uint64_t entries[PT_ENTRIES];
	struct walked_table *table;
	bool is_new;

	if (walk->is_cut || walk->no_memory)
		return;
	table = enter(walk, way, &is_new);
	if (!table)
		return;
	table->entries += is_counted;
	if (++walk->visits > VISITS_MAX) {
		walk->is_cut = true;
		problem(walk, way->frame, "a walk that ends", "more than %d tables on all paths",
			VISITS_MAX);
		return;
	}
	if (guest_memory_copy(walk->memory, pfn_to_paddr(pfn(way->frame)), entries,
			      sizeof(entries)) < 0) {
		problem(walk, way->frame, "a table in RAM", "none there");
		return;
	}
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		if (entries[i] & PTE_PRESENT)
			walk_entry(walk, way, i, entries[i], is_new);
}

int page_walk(struct page_walk *walk, paddr_t root, struct error *err)
{
	const struct way way = {.frame = root.addr / PAGE_SIZE,
				.level = PT_LEVELS - 1,
				.rights = PTE_WRITE | PTE_USER};

	visit(walk, &way, false);
	return walk->no_memory ? error_set(err, -ENOMEM, "no memory for a walk of page tables") : 0;
}

const struct walked_table *page_walk_table(const struct page_walk *walk, uint64_t frame)
{
	return find_table(walk, frame);
}

/* For twalk_r. */
struct listing {
	void *context;
	void (*function)(void *context, const struct walked_table *table);
};

static void list_table(const void *node, VISIT order, void *closure)
{
	const struct listing *listing = closure;

	if (order == postorder || order == leaf)
		listing->function(listing->context, *(struct walked_table *const *)node);
}

void page_walk_tables(const struct page_walk *walk,
		      void (*function)(void *context, const struct walked_table *table))
{
	struct listing listing = {walk->context, function};

	twalk_r(walk->tables, list_table, &listing);
}

void page_walk_end(struct page_walk *walk)
{
	tdestroy(walk->tables, free);
	walk->tables = NULL;
}
