/* SPDX-License-Identifier: MPL-2.0 */
/* Which of a guest's memory a snapshot copies: what describes the frames, or all of it. */
#ifndef VMM_SNAPSHOT_PLAN_H
#define VMM_SNAPSHOT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "memory/guest_memory.h"

/* Info page, kernel image, type descriptors, counters, mailbox, log, BTF, symbols, array, rings of the trace; or a range for each region. */
#define SNAPSHOT_RANGES_MAX 32

/* Whole pages of guest RAM. */
struct snapshot_range {
	paddr_t base;
	uint64_t size;
};

/* Sorted, without overlap, each within one region. */
struct snapshot_plan {
	unsigned count;
	struct snapshot_range ranges[SNAPSHOT_RANGES_MAX];
};

/*
 * What the info page at `info` points to, as far as it lies in RAM; what does not is left out, for whoever reads
 * the copy to stumble on as on the guest itself.
 */
void snapshot_plan_metadata(const struct guest_memory *memory, paddr_t info,
			    struct snapshot_plan *plan);

/* All regions. */
void snapshot_plan_all(const struct guest_memory *memory, struct snapshot_plan *plan);

bool snapshot_plan_equal(const struct snapshot_plan *a, const struct snapshot_plan *b);

uint64_t snapshot_plan_bytes(const struct snapshot_plan *plan);

#endif
