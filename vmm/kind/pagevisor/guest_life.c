/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a guest of this kind is in its life: its boot id, and the sum of its boot stage and of what its processors have
 * counted, none of which falls within a boot.
 */
#include "kind/pagevisor/guest_life.h"

#include <errno.h>

#define TRIES 3

/* The counters of each processor that never fall and that a workload always moves. */
struct counted {
	uint64_t operations;
	uint64_t allocations;
	uint64_t frees;
};

ABI_OFFSET(struct cpu_counters, operations, offsetof(struct counted, operations));
ABI_OFFSET(struct cpu_counters, allocations, offsetof(struct counted, allocations));
ABI_OFFSET(struct cpu_counters, frees, offsetof(struct counted, frees));

static int add_counted(const struct guest_memory *memory, const struct boot_view *boot,
		       uint64_t *sum)
{
	struct counted counted;

	for (unsigned cpu = 0; cpu < boot->cpu_count; cpu++) {
		paddr_t at = paddr(boot->counters.addr + cpu * sizeof(struct cpu_counters));

		if (guest_memory_copy(memory, at, &counted, sizeof(counted)) < 0)
			return -EFAULT;
		*sum += counted.operations + counted.allocations + counted.frees;
	}
	return 0;
}

int pagevisor_life_read(const struct guest_memory *memory, paddr_t info, struct guest_life *life,
			struct error *err)
{
	struct boot_view boot, later;

	/* The counters belong to the boot that is there before and after they are read. */
	for (unsigned try = 0; try < TRIES; try++) {
		int result = guest_view_read_boot(memory, info, &boot, err);

		if (result < 0)
			return result;
		*life = (struct guest_life){boot.boot_id, boot.stage};
		if (add_counted(memory, &boot, &life->position) < 0)
			return error_set(err, -EFAULT, "the guest's counters are not in RAM");
		result = guest_view_read_boot(memory, info, &later, err);
		if (result < 0)
			return result;
		if (later.boot_id == boot.boot_id)
			return 0;
	}
	return error_set(err, -EAGAIN, "the guest restarts");
}
