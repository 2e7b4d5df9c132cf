/* SPDX-License-Identifier: MPL-2.0 */
/* The frames of the kernel's page table: see table_frames.h. */
#include "mm/table_frames.h"

#include <pagevisor/x86.h>

META_TYPE_OF(kernel_page_table, struct kernel_page_table_meta, .is_permanent = true,
	     .role = TYPE_ROLE_PAGE_TABLE);

/* Turns a frame of the kernel's image, or of early memory, into a table with one reference. */
static void retype(frame_t frame, const struct kernel_page_table_meta *meta,
		   struct cpu_counters *counters)
{
	const struct meta_type *old = frame_type(frame);
	unique_frame_t own;

	if (!unique_from_shared(frame, &own))
		platform_abort("a page table that others refer to", frame_paddr(frame),
			       slot_load(frame.slot));
	unique_replace(own, kernel_page_table, meta);
	frame = unique_share(own);
	counters->puts++;
	counters->dropped[meta_type_index(old)]++;
	counters->claimed[meta_type_index(&meta_type_kernel_page_table)]++;
}

/*
 * Adds a reference to a table, for an entry that points at it or for the root's users. Visits tables in the order of
 * the addresses that they translate.
 */
static void adopt(paddr_t table, unsigned level, uint64_t va, struct cpu_counters *counters)
{
	const uint64_t *entries = platform_phys_to_virt(table);
	frame_t frame = {frame_to_meta(table)};
	const struct kernel_page_table_meta meta = {.va = va, .level = level};

	if (frame_type(frame) == &meta_type_kernel_page_table) {
		frame_get(frame);
		counters->gets++;
		return;
	}
	retype(frame, &meta, counters);
	for (unsigned i = 0; level > 0 && i < PT_ENTRIES; i++)
		if (entries[i] & PTE_PRESENT && !(entries[i] & PTE_LARGE))
			adopt(paddr(entries[i] & PTE_ADDRESS_MASK), level - 1,
			      pt_entry_va(va, level, i), counters);
}

void table_frames_adopt(paddr_t root, struct cpu_counters *counters)
{
	adopt(root, PT_LEVELS - 1, 0, counters);
}
