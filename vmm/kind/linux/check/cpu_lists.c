/* SPDX-License-Identifier: MPL-2.0 */
/* The lists of CPUs: pages that are nobody's, but in no free block. Each changes under its CPU's lock only. */
#include "kind/linux/check/look.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/linux/check/linux_rules.h"
#include "kind/linux/cpu_lists.h"

/* A list of a CPU. */
struct cpu_list {
	struct look *look;
	const struct linux_zone *zone;
	unsigned cpu, number;
	uint64_t lists;
};

/* Walks it, and says what is wrong where. Returns whether it is as it should be. */
static bool walk(const struct cpu_list *list, uint64_t *blocks, const char **rule, uint64_t *pfn,
		 char found[64])
{
	const uint64_t most = list->look->nodes_left;
	struct cpu_list_walk walk;
	enum list_step step;

	*blocks = 0;
	cpu_list_begin(&walk, list->look->kernel, list->zone->layout, list->lists, list->number,
		       most);
	while ((step = cpu_list_next(&walk)) == LIST_NODE)
		++*blocks;
	look_spend(list->look, most - walk.left);
	*pfn = walk.pfn;
	*rule = step == LIST_STRANGE   ? LINUX_RULE_CACHED_PAGE
		: step == LIST_ENDLESS ? LINUX_RULE_LIST_END
				       : LINUX_RULE_LIST_LINK;
	snprintf(found, 64, "%s",
		 step == LIST_STRANGE   ? walk.problem
		 : step == LIST_ENDLESS ? "more nodes than there are frames"
					: walk.found);
	return step == LIST_CLOSED;
}

/* Walks it until it is as it should be, and says so if it never is. Returns whether it is. */
static bool look_at_list(const struct cpu_list *list, uint64_t *blocks)
{
	struct look *look = list->look;
	uint64_t pfn;
	char expected[64], found[64];
	const char *rule;
	unsigned tries = look->is_running ? LIST_TRIES : 1;

	for (unsigned i = 0; i < tries; i++)
		if (walk(list, blocks, &rule, &pfn, found))
			return true;
	if (rule == LINUX_RULE_CACHED_PAGE)
		snprintf(expected, sizeof(expected), "nobody's page on a list of CPU %u",
			 list->cpu);
	else
		snprintf(expected, sizeof(expected), "a closed list, zone %u CPU %u list %u",
			 list->zone->index, list->cpu, list->number);
	suspects_add(look->suspects, rule, pfn, expected, found);
	return false;
}

/* What lies on all lists of a CPU. Returns false if it was said that one is broken. */
static bool look_at_lists(struct look *look, const struct linux_zone *zone, unsigned cpu,
			  uint64_t lists, uint64_t *blocks, uint64_t *pages)
{
	const struct zone_layout *layout = zone->layout;
	bool is_whole = true;

	*blocks = *pages = 0;
	for (unsigned i = 0; i < layout->cpu_lists; i++) {
		if (look_is_over(look)) {
			look->has_cpu_lists = false;
			return false;
		}
		const struct cpu_list list = {look, zone, cpu, i, lists};
		uint64_t more;

		if (!look_at_list(&list, &more)) {
			is_whole = false;
			continue;
		}
		*blocks += more;
		if (layout->cpu_list_types)
			*pages += more << cpu_list_order(layout, i);
	}
	return is_whole;
}

static void look_at_cpu(struct look *look, const struct linux_zone *zone, unsigned cpu,
			uint64_t lists, bool has_count)
{
	const struct kernel_space *space = &look->kernel->found.space;
	const uint64_t count_va = lists + zone->layout->list_count_offset;
	unsigned tries = look->is_running ? LIST_TRIES : 1;
	uint64_t blocks = 0, pages = 0;
	uint32_t before = 0, after = 0;
	char expected[64], found[64];

	for (unsigned i = 0; i < tries; i++) {
		if (kernel_space_copy(space, count_va, &before, sizeof(before)) < 0 ||
		    !look_at_lists(look, zone, cpu, lists, &blocks, &pages) ||
		    kernel_space_copy(space, count_va, &after, sizeof(after)) < 0)
			return;
		if (!has_count || (before == after && pages == after)) {
			look->cached_blocks += blocks;
			return;
		}
	}
	snprintf(expected, sizeof(expected), "count pages on the lists, zone %u CPU %u",
		 zone->index, cpu);
	snprintf(found, sizeof(found), "%+" PRId64, (int64_t)(pages - after));
	suspects_add(look->suspects, LINUX_RULE_CACHED_COUNT, SUSPECT_NO_FRAME, expected, found);
}

void look_at_cpu_lists(struct look *look, const struct linux_zone *zone, bool is_locked)
{
	const struct zone_layout *layout = zone->layout;
	/* A CPU that takes blocks from the zone counts them at the end. */
	bool has_count = layout->cpu_list_types && !is_locked;
	uint64_t lists;

	if (layout->cpus == 0 || !cpu_lists_at(look->kernel, zone, 0, &lists)) {
		look->has_cpu_lists = false;
		return;
	}
	for (unsigned cpu = 0; cpu < layout->cpus; cpu++) {
		if (!cpu_lists_at(look->kernel, zone, cpu, &lists))
			continue;
		if (!look->is_running && layout->has_cpu_lock &&
		    look_is_locked(look, lists + layout->cpu_lock_offset))
			look->has_cpu_lists = false;
		else
			look_at_cpu(look, zone, cpu, lists, has_count);
	}
}
