/* SPDX-License-Identifier: MPL-2.0 */
/* Which of a guest's memory describes its frames: what a snapshot of metadata copies. */
#ifndef VMM_SNAPSHOT_PLAN_H
#define VMM_SNAPSHOT_PLAN_H

#include "memory/guest_memory.h"
#include "memory/ranges.h"

/*
 * What the info page points to whose address (a paddr_t) `info_page` points to, as far as it lies in RAM; what does not
 * is left out, for whoever reads the copy to stumble on as on the guest itself. A struct snapshot_plan's `find`.
 */
void snapshot_plan_metadata(void *info_page, const struct guest_memory *memory,
			    struct memory_ranges *plan);

#endif
