/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lists of free blocks: see free_lists.h. Each block's own record has both neighbours, so that one copy of it proves that the
 * list is as the step before left it: it leads back there, it is free, and of this order.
 */
#include "kind/linux/free_lists.h"

#include <string.h>

/* The allocator adds and removes blocks all the time, most of them at the head of a list, where a try fails early. */
#define LIST_TRIES 64

/* All tries at all lists of an order together may take so many times the steps that its blocks need, or that memory has. */
#define STEPS_FACTOR 8

/* More blocks than the zone's count, which may have been read before they were freed, are made up. */
#define SURPLUS_BLOCKS 256

struct neighbours {
	uint64_t next, prev;
};

struct list {
	const struct linux_kernel *kernel;
	uint64_t head; /* virtual address */
	unsigned order;
	uint64_t most;   /* blocks */
	uint64_t *steps; /* that are left */
};

/* The neighbours of a block, whose list entry is at va. */
static bool read_block(const struct list *list, uint64_t va, struct neighbours *neighbours)
{
	const struct page_layout *layout = &list->kernel->layout;
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];
	uint64_t number;

	if (!linux_kernel_page_of_node(list->kernel, va, &number) ||
	    linux_kernel_record(list->kernel, pfn(number), record) < 0)
		return false;
	memcpy(neighbours, record + layout->lru_next.offset, sizeof(*neighbours));
	return layout_is_type(layout, (uint32_t)layout_load(record, &layout->mapcount),
			      PAGE_TYPE_BUDDY) &&
	       layout_load(record, &layout->private_word) == list->order;
}

/* Returns false if the list did not lead back to its head; *blocks is then how many were found. */
static bool count_blocks(const struct list *list, uint64_t *blocks)
{
	struct neighbours at;
	uint64_t last = list->head;

	*blocks = 0;
	if (kernel_space_copy(&list->kernel->found.space, list->head, &at, sizeof(at)) < 0)
		return false;
	while (at.next != list->head) {
		uint64_t here = at.next;

		if (*blocks == list->most || *list->steps == 0)
			return false;
		--*list->steps;
		if (!read_block(list, here, &at) || at.prev != last)
			return false;
		last = here;
		++*blocks;
	}
	return true;
}

static bool count_list(const struct list *list, uint64_t *blocks)
{
	uint64_t found;

	*blocks = 0;
	for (unsigned i = 0; i<LIST_TRIES && * list->steps> 0; i++) {
		bool is_whole = count_blocks(list, &found);

		if (is_whole || found > *blocks)
			*blocks = found;
		if (is_whole)
			return true;
	}
	return false;
}

void linux_free_lists(const struct linux_kernel *kernel, const struct linux_zone *zone,
		      struct linux_free_lists *lists)
{
	const struct zone_layout *layout = zone->layout;
	uint64_t types = layout->free_lists < MIGRATE_TYPES_MAX ? layout->free_lists
								: MIGRATE_TYPES_MAX;
	const uint64_t first = zone->va + layout->areas_offset + layout->free_lists_offset;

	*lists = (struct linux_free_lists){
		.is_complete = kernel->layout.lru_next.size == sizeof(uint64_t) &&
			       kernel->layout.lru_next.offset + sizeof(struct neighbours) <=
				       LAYOUT_PAGE_SIZE};
	if (!lists->is_complete)
		return;
	for (unsigned order = 0; order < layout->orders; order++) {
		uint64_t most = 2 * zone->free.blocks[order] + SURPLUS_BLOCKS;
		const uint64_t there = 2 * (kernel->array.present >> order) + SURPLUS_BLOCKS;
		uint64_t steps = STEPS_FACTOR * (most < there ? most : there);

		for (unsigned type = 0; type < types; type++) {
			const struct list list = {
				.kernel = kernel,
				.head = first + order * layout->area_size +
					type * sizeof(struct neighbours),
				.order = order,
				.most = most,
				.steps = &steps,
			};

			lists->is_complete &= count_list(&list, &lists->blocks[type][order]);
		}
	}
}
