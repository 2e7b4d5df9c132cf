/* SPDX-License-Identifier: MPL-2.0 */
/* What a snapshot copies: see snapshot_plan.h. */
#include "kind/pagevisor/snapshot_plan.h"

#include <string.h>

#include <pagevisor/info.h>
#include <pagevisor/slot.h>
#include <pagevisor/trace.h>

_Static_assert(MEMORY_REGIONS_MAX <= SNAPSHOT_RANGES_MAX, "a plan holds all regions");

/* Adds a range in its place, joined with those that it overlaps: all of them lie in its region, too. */
static void add_range(struct snapshot_plan *plan, uint64_t start, uint64_t end)
{
	struct snapshot_plan joined = {0};
	bool is_added = false;

	for (unsigned i = 0; i < plan->count; i++) {
		const struct snapshot_range *range = &plan->ranges[i];
		uint64_t range_end = range->base.addr + range->size;

		if (range->base.addr < end && start < range_end) {
			start = range->base.addr < start ? range->base.addr : start;
			end = range_end > end ? range_end : end;
			continue;
		}
		if (!is_added && range->base.addr >= end) {
			joined.ranges[joined.count++] =
				(struct snapshot_range){paddr(start), end - start};
			is_added = true;
		}
		joined.ranges[joined.count++] = *range;
	}
	if (!is_added)
		joined.ranges[joined.count++] = (struct snapshot_range){paddr(start), end - start};
	*plan = joined;
}

/* Adds the pages of a range that the guest named, cut at the end of the region that it begins in. */
static void add_guest_range(struct snapshot_plan *plan, const struct memory_map *map, uint64_t pa,
			    uint64_t size)
{
	const struct memory_region *region = memory_map_find(map, paddr(pa));

	if (!region || size == 0)
		return;
	uint64_t region_end = region->base.addr + region->size;
	uint64_t end = size < region_end - pa ? align_up(pa + size, PAGE_SIZE) : region_end;

	add_range(plan, align_down(pa, PAGE_SIZE), end);
}

struct trace_rings {
	unsigned count;
	struct trace_ring rings[MAX_CPUS];
};

/* The rings of the trace, none if it has none. */
static void copy_rings(const struct guest_memory *memory, const struct guest_info *info,
		       struct trace_rings *trace)
{
	size_t size = info->cpu_count * sizeof(trace->rings[0]);

	trace->count = 0;
	if (info->magic == INFO_MAGIC && info->trace_pa != 0 && info->cpu_count > 0 &&
	    info->cpu_count <= MAX_CPUS &&
	    guest_memory_copy(memory, paddr(info->trace_pa), trace->rings, size) == 0)
		trace->count = info->cpu_count;
}

static void add_trace(struct snapshot_plan *plan, const struct memory_map *map,
		      const struct guest_info *info, const struct trace_rings *trace)
{
	add_guest_range(plan, map, info->trace_pa, trace->count * sizeof(trace->rings[0]));
	for (unsigned cpu = 0; cpu < trace->count; cpu++)
		if (trace->rings[cpu].entry_count <= TRACE_ENTRIES_MAX)
			add_guest_range(plan, map, trace->rings[cpu].entries_pa,
					trace->rings[cpu].entry_count * sizeof(struct trace_entry));
}

static uint64_t array_size(const struct guest_info *info)
{
	return info->slot_count <= UINT64_MAX / SLOT_SIZE ? info->slot_count * SLOT_SIZE : 0;
}

void snapshot_plan_metadata(const struct guest_memory *memory, paddr_t info_pa,
			    struct snapshot_plan *plan)
{
	struct trace_rings trace;
	struct guest_info info;

	*plan = (struct snapshot_plan){0};
	if (guest_memory_copy(memory, info_pa, &info, sizeof(info)) < 0)
		info = (struct guest_info){0};
	copy_rings(memory, &info, &trace);
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	add_guest_range(plan, map, info_pa.addr, sizeof(info));
	if (info.magic == INFO_MAGIC) {
		if (info.kernel_start_pa < info.kernel_end_pa)
			add_guest_range(plan, map, info.kernel_start_pa,
					info.kernel_end_pa - info.kernel_start_pa);
		if (info.type_count <= META_TYPES_MAX)
			add_guest_range(plan, map, info.types_va - info.kernel_va_offset,
					info.type_count * sizeof(struct type_descriptor));
		if (info.cpu_count <= MAX_CPUS)
			add_guest_range(plan, map, info.counters_pa,
					info.cpu_count * sizeof(struct cpu_counters));
		add_guest_range(plan, map, info.mailbox_pa, sizeof(struct mailbox));
		add_guest_range(plan, map, info.log_pa, sizeof(struct log_ring));
		add_guest_range(plan, map, info.btf_pa, info.btf_size);
		add_guest_range(plan, map, info.symbols_pa, info.symbols_size);
		add_trace(plan, map, &info, &trace);
		add_guest_range(plan, map, info.array_pa, array_size(&info));
	}
	guest_memory_read_end();
}

void snapshot_plan_all(const struct guest_memory *memory, struct snapshot_plan *plan)
{
	*plan = (struct snapshot_plan){0};
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	/* Not joined: a range lies within one region. */
	for (unsigned i = 0; i < map->count; i++)
		plan->ranges[plan->count++] =
			(struct snapshot_range){map->regions[i].base, map->regions[i].size};
	guest_memory_read_end();
}

bool snapshot_plan_equal(const struct snapshot_plan *a, const struct snapshot_plan *b)
{
	return a->count == b->count &&
	       memcmp(a->ranges, b->ranges, a->count * sizeof(a->ranges[0])) == 0;
}

uint64_t snapshot_plan_bytes(const struct snapshot_plan *plan)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan->count; i++)
		sum += plan->ranges[i].size;
	return sum;
}
