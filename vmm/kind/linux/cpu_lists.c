/* SPDX-License-Identifier: MPL-2.0 */
/* The lists of CPUs: see cpu_lists.h. */
#include "kind/linux/cpu_lists.h"

#include <stdio.h>
#include <string.h>

#include "kind/linux/kernel_fields.h"

#define COSTLY_ORDER 3 /* PAGE_ALLOC_COSTLY_ORDER */
#define HUGE_ORDER   9

/* Attempts at a neighbour that does not point back. */
#define NEIGHBOUR_TRIES 4

/* A struct list_head. */
struct links {
	uint64_t next, prev;
};
_Static_assert(sizeof(struct links) == LIST_HEAD_SIZE, "as the kernel has it");

bool cpu_lists_at(const struct linux_kernel *kernel, const struct linux_zone *zone, unsigned cpu,
		  uint64_t *lists)
{
	const struct zone_layout *layout = zone->layout;
	const struct kernel_space *space = &kernel->found.space;
	uint64_t base, offset;

	if (cpu >= layout->all_cpus || layout->cpu_lists == 0 ||
	    kernel_space_word(space, zone->va + layout->lists_offset, &base) < 0 ||
	    kernel_space_word(space, kernel->symbols.per_cpu_offset + cpu * sizeof(offset),
			      &offset) < 0)
		return false;
	*lists = base + offset;
	return true;
}

/* So many lists for each order, and those for huge pages at the end. */
unsigned cpu_list_order(const struct zone_layout *layout, unsigned list)
{
	unsigned order = list / layout->cpu_list_types;

	return order <= COSTLY_ORDER ? order : HUGE_ORDER;
}

void cpu_list_begin(struct cpu_list_walk *walk, const struct linux_kernel *kernel,
		    const struct zone_layout *layout, uint64_t lists, unsigned list, uint64_t most)
{
	const uint64_t head = lists + layout->cpu_lists_offset + list * (uint64_t)LIST_HEAD_SIZE;

	*walk = (struct cpu_list_walk){.kernel = kernel,
				       .head = head,
				       .node = head,
				       .left = most,
				       .pfn = CPU_LIST_NO_PAGE};
}

/* A record of this walk's; NULL: there is none. */
static const uint8_t *record_of(struct cpu_list_walk *walk, uint64_t number)
{
	if (number < walk->first.index || number - walk->first.index >= walk->count) {
		walk->count = 0;
		if (linux_kernel_records(walk->kernel, pfn(number), walk->records, &walk->first,
					 &walk->count) < 0) {
			walk->count = 0;
			return NULL;
		}
	}
	return walk->records + (number - walk->first.index) * LAYOUT_PAGE_SIZE;
}

/* Of the head, or of a page. Returns false if it is not there. */
static bool read_links(struct cpu_list_walk *walk, uint64_t node, struct links *links)
{
	const struct linux_kernel *kernel = walk->kernel;
	const uint8_t *record;
	uint64_t number;

	if (node == walk->head)
		return kernel_is_object(&kernel->found.space, node) &&
		       kernel_space_copy(&kernel->found.space, node, links, sizeof(*links)) == 0;
	record = linux_kernel_page_of_node(kernel, node, &number) ? record_of(walk, number) : NULL;
	if (record)
		memcpy(links, record + kernel->layout.lru_next.offset, sizeof(*links));
	return record;
}

/* NULL: the page may be on the list. */
static const char *problem_of(const struct page_layout *layout, const void *record)
{
	if (!record)
		return "no page";
	if (layout_is_type(layout, (uint32_t)layout_load(record, &layout->mapcount),
			   PAGE_TYPE_BUDDY))
		return "a page that is marked as a free block";
	return layout_load(record, &layout->refcount) ? "a page with references" : NULL;
}

/* What is wrong with the neighbour of a node, which came to nothing. */
static enum list_step judge(struct cpu_list_walk *walk)
{
	struct list_walk other;
	uint64_t ignored;
	enum list_step step;

	list_walk_begin(&other, &walk->kernel->found.space, walk->node, 1);
	step = list_walk_next(&other);
	if (step == LIST_BROKEN) {
		memcpy(walk->found, other.found, sizeof(walk->found));
		return LIST_BROKEN;
	}
	if (step == LIST_NODE && !linux_kernel_page_of_node(walk->kernel, other.node, &ignored)) {
		walk->pfn = CPU_LIST_NO_PAGE;
		walk->problem = "a node that is no page";
		return LIST_STRANGE;
	}
	snprintf(walk->found, sizeof(walk->found), "a list that changes");
	return LIST_BROKEN;
}

/* Comes to the next node. Returns false if it is none, or does not point back. */
static bool go_on(struct cpu_list_walk *walk)
{
	struct links own, links;

	if (!read_links(walk, walk->node, &own) || !read_links(walk, own.next, &links) ||
	    links.prev != walk->node) {
		/* What was copied may be old. */
		walk->count = 0;
		return false;
	}
	walk->node = own.next;
	return true;
}

enum list_step cpu_list_next(struct cpu_list_walk *walk)
{
	const struct page_layout *layout = &walk->kernel->layout;
	bool is_there = false;

	if (layout->lru_next.size != sizeof(uint64_t) ||
	    layout->lru_next.offset + sizeof(struct links) > LAYOUT_PAGE_SIZE) {
		snprintf(walk->found, sizeof(walk->found), "pages without links");
		return LIST_BROKEN;
	}
	for (unsigned i = 0; i < NEIGHBOUR_TRIES && !is_there; i++)
		is_there = go_on(walk);
	if (!is_there)
		return judge(walk);
	if (walk->node == walk->head)
		return LIST_CLOSED;
	if (walk->left == 0)
		return LIST_ENDLESS;
	walk->left--;
	linux_kernel_page_of_node(walk->kernel, walk->node, &walk->pfn);
	walk->problem = problem_of(layout, record_of(walk, walk->pfn));
	return walk->problem ? LIST_STRANGE : LIST_NODE;
}
