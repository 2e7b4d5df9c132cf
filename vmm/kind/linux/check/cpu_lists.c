/* SPDX-License-Identifier: MPL-2.0 */
/* The lists of CPUs: pages that are nobody's, but in no free block. Each changes under its CPU's lock only. */
#include "kind/linux/check/look.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/linux/check/linux_rules.h"
#include "kind/linux/check/list_walk.h"

#define LIST_HEAD_SIZE 16

/* A list of a CPU. */
struct cpu_list {
	struct look *look;
	const struct linux_zone *zone;
	unsigned cpu, number;
	uint64_t head;
};

/* What is wrong with a page on the list; NULL: nothing. */
static const char *page_problem(const struct look *look, uint64_t pfn)
{
	const struct page_layout *layout = &look->kernel->layout;
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];

	if (!look_record(look, pfn, record))
		return "no page";
	if (layout_is_type(layout, (uint32_t)layout_load(record, &layout->mapcount),
			   PAGE_TYPE_BUDDY))
		return "a page that is marked as a free block";
	return layout_load(record, &layout->refcount) ? "a page with references" : NULL;
}

/* Walks it, and says what is wrong where. Returns whether it is as it should be. */
static bool walk(const struct cpu_list *list, uint64_t *pages, const char **rule, uint64_t *pfn,
		 char found[64])
{
	const uint64_t most = list->look->nodes_left;
	struct list_walk walk;
	enum list_step step;

	*pages = 0;
	*pfn = SUSPECT_NO_FRAME;
	list_walk_begin(&walk, &list->look->kernel->found.space, list->head, most);
	while ((step = list_walk_next(&walk)) == LIST_NODE) {
		const char *problem = look_page_of_node(list->look, walk.node, pfn)
					      ? page_problem(list->look, *pfn)
					      : "a node that is no page";

		if (problem) {
			look_spend(list->look, most - walk.left);
			*rule = LINUX_RULE_CACHED_PAGE;
			snprintf(found, 64, "%s", problem);
			return false;
		}
		++*pages;
	}
	look_spend(list->look, most - walk.left);
	*rule = step == LIST_ENDLESS ? LINUX_RULE_LIST_END : LINUX_RULE_LIST_LINK;
	snprintf(found, 64, "%s",
		 step == LIST_ENDLESS ? "more nodes than there are frames" : walk.found);
	return step == LIST_CLOSED;
}

static void look_at_list(const struct cpu_list *list)
{
	struct look *look = list->look;
	uint64_t pages, pfn;
	char expected[64], found[64];
	const char *rule;
	unsigned tries = look->is_running ? LIST_TRIES : 1;

	for (unsigned i = 0; i < tries; i++)
		if (walk(list, &pages, &rule, &pfn, found)) {
			look->cached_pages += pages;
			return;
		}
	if (rule == LINUX_RULE_CACHED_PAGE)
		snprintf(expected, sizeof(expected), "nobody's page on a list of CPU %u",
			 list->cpu);
	else
		snprintf(expected, sizeof(expected), "a closed list, zone %u CPU %u list %u",
			 list->zone->index, list->cpu, list->number);
	suspects_add(look->suspects, rule, pfn, expected, found);
}

void look_at_cpu_lists(struct look *look, const struct linux_zone *zone)
{
	const struct zone_layout *layout = zone->layout;
	const struct linux_kernel *kernel = look->kernel;
	const struct kernel_space *space = &kernel->found.space;
	uint64_t lists, offset;

	if (layout->cpus == 0 || layout->cpu_lists == 0 ||
	    kernel_space_word(space, zone->va + layout->lists_offset, &lists) < 0) {
		look->has_cpu_lists = false;
		return;
	}
	for (unsigned cpu = 0; cpu < layout->cpus; cpu++) {
		if (kernel_space_word(space, kernel->symbols.per_cpu_offset + cpu * sizeof(offset),
				      &offset) < 0)
			continue;
		if (!look->is_running && layout->has_cpu_lock &&
		    look_is_locked(look, lists + offset + layout->cpu_lock_offset)) {
			look->has_cpu_lists = false;
			continue;
		}
		for (unsigned i = 0; i < layout->cpu_lists; i++) {
			const struct cpu_list list = {look, zone, cpu, i,
						      lists + offset + layout->cpu_lists_offset +
							      i * (uint64_t)LIST_HEAD_SIZE};

			look_at_list(&list);
		}
	}
}
