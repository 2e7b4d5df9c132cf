/* SPDX-License-Identifier: MPL-2.0 */
/* pagemeta's platform in the guest: see platform/pagemeta_platform.h. */
#include <pagemeta_platform.h>

#include <pagevisor/x86.h>

#include "boot/page_table.h"
#include "lib/console.h"
#include "mm/page_table.h"
#include "pagemeta/early_alloc.h"
#include "panic.h"

_Noreturn void platform_abort(const char *what, paddr_t frame, uint64_t state)
{
	panic(LINE_FRAME "%lx, references 0x%x, generation %u: %s", frame.addr,
	      slot_state_refs(state), slot_state_generation(state), what);
}

/* New tables must lie in memory that is mapped already. */
static bool take_early_frame(void *early, unsigned level, uint64_t va, paddr_t *frame)
{
	(void)level; /* table_frames_adopt determines both later */
	(void)va;
	return early_alloc(early, PAGE_SIZE, PAGE_SIZE, EARLY_LOW, frame);
}

static struct page_table kernel_page_table(struct early_allocator *early)
{
	return (struct page_table){
		.root = boot_page_table(),
		.take_frame = take_early_frame,
		.context = early,
	};
}

/* User access as in the boot page table, for a kernel in ring 3. */
#define MAP_FLAGS (PTE_WRITE | PTE_USER)

bool platform_add_temp_linear_mapping(struct early_allocator *early, paddr_t end)
{
	struct page_table table = kernel_page_table(early);
	uint64_t size = align_up(end.addr, LARGE_PAGE_SIZE) - BOOT_MAPPED_SIZE;

	return page_table_map(&table, LINEAR_MAP_BASE + BOOT_MAPPED_SIZE, paddr(BOOT_MAPPED_SIZE),
			      size, MAP_FLAGS);
}

bool platform_map_metadata(struct early_allocator *early, paddr_t array, uint64_t size)
{
	struct page_table table = kernel_page_table(early);

	return page_table_map(&table, FRAME_METADATA_BASE, array, size, MAP_FLAGS);
}
