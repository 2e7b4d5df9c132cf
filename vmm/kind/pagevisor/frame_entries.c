/* SPDX-License-Identifier: MPL-2.0 */
/* Which page-table entries point at a frame: see frame_entries.h. */
#include "kind/pagevisor/frame_entries.h"

struct search {
	uint64_t pfn;
	struct frame_entries *entries;
};

static void look_at(void *context, const struct page_entry *entry)
{
	const struct search *search = context;
	struct frame_entries *entries = search->entries;
	uint64_t frames = entry->is_page ? pt_entry_size(entry->level) / PAGE_SIZE : 1;

	if (search->pfn - entry->pa / PAGE_SIZE >= frames)
		return;
	if (entries->listed < FRAME_ENTRIES_MAX)
		entries->list[entries->listed++] = *entry;
	entries->total++;
}

static void add_problem(void *context, const struct finding *finding)
{
	const struct search *search = context;

	findings_add(&search->entries->problems, finding);
}

int frame_entries_find(const struct guest_memory *memory, const struct guest_view *view,
		       uint64_t pfn, struct frame_entries *entries, struct error *err)
{
	struct search search = {pfn, entries};
	struct page_walk walk = {
		.memory = memory,
		.frame_count = view->slot_count,
		.context = &search,
		.on_entry = look_at,
		.on_problem = add_problem,
	};
	int result = 0;

	*entries = (struct frame_entries){0};
	if (view->page_table.addr)
		result = page_walk(&walk, view->page_table, err);
	entries->is_cut = walk.is_cut;
	page_walk_end(&walk);
	return result;
}

uint64_t frame_entry_va(const struct page_entry *entry, uint64_t pfn)
{
	return entry->is_page ? entry->va + (pfn * PAGE_SIZE - entry->pa) : entry->va;
}
