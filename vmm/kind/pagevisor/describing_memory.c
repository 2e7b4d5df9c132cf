/* SPDX-License-Identifier: MPL-2.0 */
/* The memory that describes the frames: see describing_memory.h. */
#include "kind/guest.h"
#include "kind/pagevisor/describing_memory.h"

#include <pagevisor/info.h>
#include <pagevisor/slot.h>
#include <pagevisor/trace.h>

/*
 * Info page, kernel image, types, counters, memory map, mailbox, log, BTF, symbols, array; the table of rings; the
 * rings.
 */
_Static_assert(10 + 1 + MAX_CPUS <= MEMORY_RANGES_MAX - MEMORY_REGIONS_MAX,
	       "there is room for all");

struct trace_rings {
	unsigned count;
	struct trace_ring rings[MAX_CPUS];
};

/* Copies the rings of the trace; none if the guest keeps no trace. */
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

static void add_named(struct memory_ranges *ranges, const struct memory_map *map, uint64_t pa,
		      uint64_t size)
{
	memory_ranges_add(ranges, map, paddr(pa), size);
}

static void add_trace(struct memory_ranges *ranges, const struct memory_map *map,
		      const struct guest_info *info, const struct trace_rings *trace)
{
	add_named(ranges, map, info->trace_pa, trace->count * sizeof(trace->rings[0]));
	for (unsigned cpu = 0; cpu < trace->count; cpu++)
		if (trace->rings[cpu].entry_count <= TRACE_ENTRIES_MAX)
			add_named(ranges, map, trace->rings[cpu].entries_pa,
				  trace->rings[cpu].entry_count * sizeof(struct trace_entry));
}

static uint64_t array_size(const struct guest_info *info)
{
	return info->slot_count <= UINT64_MAX / SLOT_SIZE ? info->slot_count * SLOT_SIZE : 0;
}

void describing_memory_add(const struct guest_memory *memory, paddr_t info_pa,
			   struct memory_ranges *ranges)
{
	struct trace_rings trace;
	struct guest_info info;

	if (guest_memory_copy(memory, info_pa, &info, sizeof(info)) < 0)
		info = (struct guest_info){0};
	copy_rings(memory, &info, &trace);
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	memory_ranges_add(ranges, map, info_pa, sizeof(info));
	if (info.magic == INFO_MAGIC) {
		if (info.kernel_start_pa < info.kernel_end_pa)
			add_named(ranges, map, info.kernel_start_pa,
				  info.kernel_end_pa - info.kernel_start_pa);
		if (info.type_count <= META_TYPES_MAX)
			add_named(ranges, map, info.types_va - info.kernel_va_offset,
				  info.type_count * sizeof(struct type_descriptor));
		if (info.cpu_count <= MAX_CPUS)
			add_named(ranges, map, info.counters_pa,
				  info.cpu_count * sizeof(struct cpu_counters));
		if (info.region_count <= INFO_REGIONS_MAX)
			add_named(ranges, map, info.regions_pa,
				  info.region_count * sizeof(struct info_region));
		add_named(ranges, map, info.mailbox_pa, sizeof(struct mailbox));
		add_named(ranges, map, info.log_pa, sizeof(struct log_ring));
		add_named(ranges, map, info.btf_pa, info.btf_size);
		add_named(ranges, map, info.symbols_pa, info.symbols_size);
		add_trace(ranges, map, &info, &trace);
		add_named(ranges, map, info.array_pa, array_size(&info));
	}
	guest_memory_read_end();
}
