/* SPDX-License-Identifier: MPL-2.0 */
/* Page tables of processes: see mappings.h. */
#include "kind/linux/mappings.h"

#include <errno.h>

/* Addresses of processes: the lower half of the top table. */
#define USER_ENTRIES (PT_ENTRIES / 2)

/*
 * The kernel marks what is mapped but may not be accessed by a bit that means something else in entries that are present
 * (_PAGE_PROTNONE), and inverts the address (arch/x86/include/asm/pgtable-invert.h).
 */
static bool is_mapping(uint64_t entry, unsigned level)
{
	return entry & (PTE_PRESENT | PTE_GLOBAL) && kernel_entry_is_leaf(entry, level);
}

static uint64_t frame_of(uint64_t entry, unsigned level)
{
	uint64_t address = (entry & PTE_PRESENT ? entry : ~entry) & PTE_ADDRESS_MASK;

	return align_down(address, pt_entry_size(level)) / PAGE_SIZE;
}

bool process_space(const struct kernel_space *kernel, const struct owner_fields *fields,
		   uint64_t memory, struct kernel_space *space)
{
	uint64_t table;

	*space = *kernel;
	space->met = NULL;
	return kernel->levels <= KERNEL_LEVELS_MAX &&
	       kernel_field_pointer(kernel, memory, &fields->memory_tables, &table) &&
	       table % PAGE_SIZE == 0 &&
	       kernel_space_translate(kernel, table, &space->root, NULL) == 0;
}

static int visit_entry(struct mapping_walk *walk, uint64_t entry, unsigned level, uint64_t va)
{
	const struct linux_mapping mapping = {.va = va,
					      .first = frame_of(entry, level),
					      .count = pt_entry_size(level) / PAGE_SIZE};

	if (mapping.first > walk->last || mapping.first + mapping.count <= walk->first)
		return 0;
	return walk->visit(walk->own, &mapping);
}

/* Calls itself for tables of the level below, KERNEL_LEVELS_MAX deep. */
static int walk_table(const struct kernel_space *space, struct mapping_walk *walk, uint64_t table,
		      unsigned level, uint64_t va)
{
	const unsigned count = level == space->levels - 1 ? USER_ENTRIES : PT_ENTRIES;
	uint64_t entries[PT_ENTRIES];
	int result = 0;

	if (walk->tables_left == 0)
		return -E2BIG;
	walk->tables_left--;
	if (guest_memory_copy(space->memory, paddr(table), entries, count * sizeof(entries[0])) < 0)
		return 0;
	for (unsigned i = 0; result == 0 && i < count; i++, va += pt_entry_size(level)) {
		if (is_mapping(entries[i], level))
			result = visit_entry(walk, entries[i], level, va);
		else if (kernel_entry_is_table(entries[i], level))
			result = walk_table(space, walk, entries[i] & PTE_ADDRESS_MASK, level - 1,
					    va);
	}
	return result;
}

int process_mappings(const struct kernel_space *space, struct mapping_walk *walk)
{
	return walk_table(space, walk, space->root.addr & PTE_ADDRESS_MASK, space->levels - 1, 0);
}

bool mapping_confirm(const struct kernel_space *space, uint64_t va, uint64_t pfn)
{
	uint64_t table = space->root.addr & PTE_ADDRESS_MASK;

	for (unsigned level = space->levels; level-- > 0;) {
		const uint64_t size = pt_entry_size(level);
		uint64_t entry, at = table + va / size % PT_ENTRIES * sizeof(entry);

		if (guest_memory_copy(space->memory, paddr(at), &entry, sizeof(entry)) < 0)
			return false;
		if (is_mapping(entry, level))
			return frame_of(entry, level) + va % size / PAGE_SIZE == pfn;
		if (!kernel_entry_is_table(entry, level))
			return false;
		table = entry & PTE_ADDRESS_MASK;
	}
	return false;
}
