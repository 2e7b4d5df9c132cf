/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The lists of CPUs (struct per_cpu_pages): pages that are nobody's, but in no free block, so that a CPU need not ask the zone for
 * them. Each changes under its CPU's lock only. A step of a walk looks at a copy of a page's record, which has both neighbours: so one
 * copy proves that the list was as the step before left it, and that the page was nobody's.
 */
#ifndef VMM_LINUX_CPU_LISTS_H
#define VMM_LINUX_CPU_LISTS_H

#include "kind/linux/list_walk.h"
#include "kind/linux/zones.h"

/* Where a CPU has its lists of a zone. Returns false if it has none, or they are not known. */
bool cpu_lists_at(const struct linux_kernel *kernel, const struct linux_zone *zone, unsigned cpu,
		  uint64_t *lists);

/* The order of the blocks on a list; the layout has cpu_list_types. */
unsigned cpu_list_order(const struct zone_layout *layout, unsigned list);

#define CPU_LIST_NO_PAGE UINT64_MAX

struct cpu_list_walk {
	const struct linux_kernel *kernel;
	uint64_t head, node;
	uint64_t next;               /* of the node, as it was read with it */
	uint64_t left;               /* nodes that it may still have */
	uint64_t pfn;                /* of the last page on it; CPU_LIST_NO_PAGE: there was none */
	const char *problem;         /* with LIST_STRANGE: what is wrong */
	char found[LIST_FOUND_SIZE]; /* of a list that is broken: as list_walk.h has it */
	/* Records that were copied together: neighbours on a list often are in memory, too. */
	pfn_t first;
	uint64_t count;
	_Alignas(8) uint8_t records[PAGE_SIZE];
};

/* The list number `list` of those at `lists`, with at most `most` nodes. */
void cpu_list_begin(struct cpu_list_walk *walk, const struct linux_kernel *kernel,
		    const struct zone_layout *layout, uint64_t lists, unsigned list, uint64_t most);
enum list_step cpu_list_next(struct cpu_list_walk *walk);

#endif
