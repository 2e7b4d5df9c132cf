/* SPDX-License-Identifier: MPL-2.0 */
/* 4-level page tables: see page_table.h. */
#include "mm/page_table.h"

#include <stddef.h>
#include <string.h>

#include <pagevisor/x86.h>

#include <pagemeta_platform.h>

enum level {
	LEVEL_PAGE,       /* entries map 4 KiB */
	LEVEL_LARGE_PAGE, /* entries map 2 MiB */
	LEVEL_ROOT = PT_LEVELS - 1,
};

/* Entries above the last level allow everything; the last one decides. */
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER)

static uint64_t *table_at(paddr_t table)
{
	return platform_phys_to_virt(table);
}

static uint64_t *entry_of(uint64_t *table, uint64_t va, unsigned level)
{
	return &table[va >> (PAGE_SHIFT + level * PT_INDEX_BITS) & (PT_ENTRIES - 1)];
}

static paddr_t entry_target(uint64_t entry)
{
	return paddr(entry & PTE_ADDRESS_MASK);
}

/* The table that an entry at this level points to, made for va if there is none. NULL when that is not possible. */
static uint64_t *descend(struct page_table *table, uint64_t *entry, unsigned level, uint64_t va)
{
	paddr_t frame;

	if (*entry & PTE_PRESENT)
		return *entry & PTE_LARGE ? NULL : table_at(entry_target(*entry));
	if (!table->take_frame(table->context, level - 1, align_down(va, pt_entry_size(level)),
			       &frame))
		return NULL;
	memset(table_at(frame), 0, PAGE_SIZE);
	*entry = frame.addr | TABLE_FLAGS;
	return table_at(frame);
}

static bool map_page(struct page_table *table, uint64_t va, paddr_t pa, unsigned leaf,
		     uint64_t flags)
{
	uint64_t *entries = table_at(table->root);

	for (unsigned level = LEVEL_ROOT; level > leaf; level--) {
		entries = descend(table, entry_of(entries, va, level), level, va);
		if (!entries)
			return false;
	}
	uint64_t *entry = entry_of(entries, va, leaf);

	if (*entry & PTE_PRESENT)
		return false;
	*entry = pa.addr | flags | PTE_PRESENT | (leaf == LEVEL_LARGE_PAGE ? PTE_LARGE : 0);
	return true;
}

bool page_table_map(struct page_table *table, uint64_t va, paddr_t pa, uint64_t size,
		    uint64_t flags)
{
	if (!is_aligned(va | pa.addr | size, PAGE_SIZE))
		return false;
	while (size > 0) {
		bool large = is_aligned(va | pa.addr, LARGE_PAGE_SIZE) && size >= LARGE_PAGE_SIZE;
		uint64_t step = large ? LARGE_PAGE_SIZE : PAGE_SIZE;

		if (!map_page(table, va, pa, large ? LEVEL_LARGE_PAGE : LEVEL_PAGE, flags))
			return false;
		va += step;
		pa.addr += step;
		size -= step;
	}
	return true;
}
