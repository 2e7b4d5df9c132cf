/* SPDX-License-Identifier: MPL-2.0 */
/* The counts of the guest's own allocator, found by its descriptor (pagevisor/allocator.h). */
#ifndef VMM_ALLOCATOR_COUNTS_H
#define VMM_ALLOCATOR_COUNTS_H

#include "kind/free_counts.h"
#include "kind/pagevisor/guest_view.h"

/* Reads the counts of the guest that a view describes. The thread is registered with liburcu. */
void allocator_counts_read(const struct guest_memory *memory, const struct guest_view *view,
			   struct free_counts *counts);

#endif
