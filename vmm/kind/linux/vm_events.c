/* SPDX-License-Identifier: MPL-2.0 */
/* The counters of /proc/vmstat: see vm_events.h. The kernel's mm/vmstat.c and include/linux/vm_event_item.h define them. */
#include "kind/linux/vm_events.h"

#include <errno.h>

#include <linux/btf.h>

#include "kind/guest.h"
#include "kind/linux/linux_btf.h"

#define EVENTS_MAX 1024 /* of a CPU; kernels have fewer than 200 */
#define ITEMS_MAX  5

/* One figure, which may be the sum of several of the kernel's: of each zone, say. */
static const struct {
	struct fact fact;
	const char *items[ITEMS_MAX];
} events[] = {
	{{.key = "allocations",
	  .label = "allocated",
	  .heading = "ALLOC/s",
	  .use = FACT_IN_REPORT | FACT_AS_RATE | FACT_IN_TABLE},
	 {"PGALLOC_DMA", "PGALLOC_DMA32", "PGALLOC_NORMAL", "PGALLOC_MOVABLE", "PGALLOC_DEVICE"}},
	{{.key = "frees",
	  .label = "freed",
	  .heading = "FREE/s",
	  .use = FACT_IN_REPORT | FACT_AS_RATE | FACT_IN_TABLE},
	 {"PGFREE"}},
	{{.key = "faults", .label = "faults", .use = FACT_IN_REPORT | FACT_AS_RATE}, {"PGFAULT"}},
	{{.key = "major_faults", .label = "from disk", .use = FACT_AS_RATE}, {"PGMAJFAULT"}},
	{{.key = "swapped_in", .label = "swapped in", .use = FACT_AS_RATE}, {"PSWPIN"}},
	{{.key = "swapped_out", .label = "swapped out", .use = FACT_AS_RATE}, {"PSWPOUT"}},
};
#define EVENT_COUNT (sizeof(events) / sizeof(events[0]))

/* Adds one of the kernel's counters over all CPUs. An item that it does not have counts nothing. */
static int add_item(const struct linux_kernel *kernel, uint32_t items, const char *name,
		    unsigned cpus, uint64_t *sum)
{
	const struct kernel_space *space = &kernel->found.space;
	int64_t index;

	if (!name || !linux_btf_enumerator(kernel->btf, items, name, &index))
		return 0;
	if (index < 0 || index >= EVENTS_MAX)
		return -EAGAIN;
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		uint64_t offset, value;

		if (kernel_space_word(space, kernel->symbols.per_cpu_offset + cpu * sizeof(offset),
				      &offset) < 0 ||
		    kernel_space_word(space,
				      kernel->symbols.vm_event_states + offset +
					      (uint64_t)index * sizeof(value),
				      &value) < 0)
			return -EAGAIN;
		*sum += value;
	}
	return 0;
}

int linux_vm_events(const struct linux_kernel *kernel, struct facts *counters)
{
	struct linux_type items = {BTF_KIND_ENUM, "vm_event_item", 0};
	unsigned cpus = linux_cpus_max(kernel);
	int result = 0;

	if (!kernel->btf || !kernel->symbols.vm_event_states || !kernel->symbols.per_cpu_offset ||
	    cpus == 0 || cpus > GUEST_CPUS_MAX || linux_btf_find(kernel->btf, &items, 1) == 0)
		return -EAGAIN;
	for (unsigned i = 0; result == 0 && i < EVENT_COUNT; i++) {
		struct fact fact = events[i].fact;

		for (unsigned item = 0; result == 0 && item < ITEMS_MAX; item++)
			result = add_item(kernel, items.id, events[i].items[item], cpus,
					  &fact.value);
		facts_add(counters, fact);
	}
	if (result < 0)
		counters->count = 0;
	return result;
}
