/* SPDX-License-Identifier: MPL-2.0 */
/* The kernel's side of the trace: see trace.h. */
#include "mm/trace.h"

#include "boot/boot_info.h"
#include "boot/option.h"
#include "info.h"
#include "pagemeta/segment.h"
#include "pagemeta/static_branch.h"

/* A frame of a ring, for good. */
struct trace_ring_meta {
	uint32_t cpu;
	uint32_t index; /* of the frame, in the ring */
};
META_TYPE(trace_ring, .is_permanent = true);

OPTION(trace, .name = OPTION_TRACE, .value = OPTION_TAKES_NUMBER, .min = TRACE_ENTRIES_MIN,
       .max = TRACE_ENTRIES_MAX, .flags = OPTION_POWER_OF_TWO | OPTION_OR_ZERO, .unit = "entries",
       .help = "entries of each CPU's ring of the trace; 0: no trace");

static uint64_t entries;

void trace_init(void)
{
	entries = option_take_number(&option_trace);
	if (entries)
		static_branch_set(true);
}

static void fill_meta(void *context, uint64_t index, struct trace_ring_meta *meta)
{
	meta->cpu = *(unsigned *)context;
	meta->index = (uint32_t)index;
}

void trace_start(unsigned cpus)
{
	uint64_t frames = align_up(entries * sizeof(struct trace_entry), PAGE_SIZE) / PAGE_SIZE;

	if (!trace_is_on())
		return;
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		struct segment ring;

		if (!segment_alloc_zeroed(trace_ring, frames, 1, fill_meta, &cpu, &ring))
			boot_option_refuse("trace=%lu: there is no memory for %u rings of %lu KiB",
					   entries, cpus, frames * PAGE_SIZE >> 10);
		cpu_counters[0].claimed[meta_type_index(&meta_type_trace_ring)] += frames;
		trace_set_ring(cpu, segment_start(&ring), entries);
	}
}

uint64_t trace_frames(void)
{
	return cpu_counters[0].claimed[meta_type_index(&meta_type_trace_ring)];
}

bool trace_is_on(void)
{
	return entries != 0;
}
