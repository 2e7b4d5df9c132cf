/* SPDX-License-Identifier: MPL-2.0 */
/* Faults in the kernel's page table: see fault_tables.h. */
#include "workload/fault_tables.h"

#include <pagevisor/x86.h>

#include "boot/page_table.h"
#include "mm/page_table.h"
#include "mm/table_frames.h"

/* In the upper half, between the ranges of layout.h. */
#define MAPPED_ADDRESS 0xffffa00000000000

#define LEVEL_WORD (offsetof(struct kernel_page_table_meta, level) / sizeof(uint64_t))

struct mapped_meta {
	uint64_t va;
};
META_TYPE(mapped);

static frame_t alloc_table(struct worker *worker, unsigned level, uint64_t va)
{
	const struct kernel_page_table_meta meta = {.va = va, .level = level};
	frame_t frame = worker_alloc(worker, kernel_page_table, &meta);

	worker_check(worker, frame.slot, "no frame for a table", FRAME_NONE);
	return frame;
}

void fault_table_ref(struct worker *worker)
{
	frame_t root = worker_get_at(worker, boot_page_table());

	worker_check(worker, root.slot, "the root is not shared", FRAME_NONE);
}

void fault_table_lost(struct worker *worker)
{
	alloc_table(worker, 0, MAPPED_ADDRESS);
}

void fault_table_level(struct worker *worker)
{
	(void)worker;
	slot_word_store(&frame_to_meta(boot_page_table())->storage[LEVEL_WORD], 0);
}

/* take_frame of struct page_table. */
static bool take_table(void *worker, unsigned level, uint64_t va, paddr_t *out)
{
	frame_t frame = alloc_table(worker, level, va);

	if (frame.slot)
		*out = frame_paddr(frame);
	return frame.slot;
}

void fault_pte_wild(struct worker *worker)
{
	struct page_table table = {
		.root = boot_page_table(), .take_frame = take_table, .context = worker};
	const struct mapped_meta meta = {.va = MAPPED_ADDRESS};
	frame_t frame = worker_alloc(worker, mapped, &meta);

	worker_check(worker, frame.slot, "no frame to map", FRAME_NONE);
	if (!frame.slot)
		return;
	worker_check(worker,
		     page_table_map(&table, MAPPED_ADDRESS, frame_paddr(frame), PAGE_SIZE,
				    PTE_WRITE | PTE_USER),
		     "the frame was not mapped", frame);
	/* Makes the processor use the entry, which sets its accessed and dirty bits. */
	*(volatile uint64_t *)MAPPED_ADDRESS = frame_paddr(frame).addr;
	worker_put(worker, frame);
}
