/* SPDX-License-Identifier: MPL-2.0 */
/* Walks page tables: see kernel_tables.h. */
#include "kind/linux/kernel_tables.h"

#include <errno.h>

#include "base/clock.h"

static uint64_t frame_of(uint64_t entry, unsigned level)
{
	return align_down(entry & PTE_ADDRESS_MASK, pt_entry_size(level)) / PAGE_SIZE;
}

static int walk_table(const struct kernel_space *space, struct table_walk *walk, uint64_t table,
		      unsigned level, uint64_t base);

/* An entry of a table, for the addresses from va on. Calls walk_table for the level below. */
static int visit_entry(const struct kernel_space *space, struct table_walk *walk, uint64_t entry,
		       unsigned level, uint64_t va)
{
	int result = 0;

	if (!(entry & PTE_PRESENT))
		return 0;
	if (kernel_entry_is_leaf(entry, level))
		return walk->mapped ? walk->mapped(walk->own, va, frame_of(entry, level),
						   pt_entry_size(level) / PAGE_SIZE)
				    : 0;
	if (!kernel_entry_is_table(entry, level))
		return 0;
	if (walk->table)
		result = walk->table(walk->own, frame_of(entry, 0));
	return result == 0 && level > walk->lowest
		       ? walk_table(space, walk, entry & PTE_ADDRESS_MASK, level - 1, va)
		       : result;
}

/* KERNEL_LEVELS_MAX deep. The first and the last address of the walk may lie in the middle of what the table maps. */
static int walk_table(const struct kernel_space *space, struct table_walk *walk, uint64_t table,
		      unsigned level, uint64_t base)
{
	const uint64_t size = pt_entry_size(level), reach = walk->last - base;
	const unsigned from = walk->first > base ? (unsigned)((walk->first - base) / size) : 0;
	const unsigned to = reach / size < PT_ENTRIES ? (unsigned)(reach / size) : PT_ENTRIES - 1;
	uint64_t entries[PT_ENTRIES];
	int result = 0;

	if (walk->tables_left == 0 || clock_now_ns() >= walk->end_ns)
		return -E2BIG;
	walk->tables_left--;
	if (guest_memory_copy(space->memory, paddr(table + from * sizeof(entries[0])),
			      entries + from, (to - from + 1) * sizeof(entries[0])) < 0) {
		walk->is_partial = true;
		return 0;
	}
	for (unsigned i = from; result == 0 && i <= to; i++)
		result = visit_entry(space, walk, entries[i], level, base + i * size);
	return result;
}

int kernel_tables_walk(const struct kernel_space *space, struct table_walk *walk)
{
	if (space->levels == 0 || space->levels > KERNEL_LEVELS_MAX || walk->first > walk->last)
		return 0;
	const unsigned level = space->levels - 1;
	const uint64_t base = align_down(walk->first, pt_entry_size(level) * PT_ENTRIES);

	return walk_table(space, walk, space->root.addr & PTE_ADDRESS_MASK, level, base);
}
