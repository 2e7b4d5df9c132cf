/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much the guest's allocator has free, by its own counts: those that its descriptor (pagevisor/allocator.h) points to.
 *
 * They are read while the guest runs and without its locks. Each count is one that the allocator had; together they are
 * of no one moment, so that frames on their way from one place to another count twice or not at all, and the sum is
 * about right. The free lists themselves are another matter: they are walked at one instant only, see check/.
 */
#ifndef VMM_ALLOCATOR_COUNTS_H
#define VMM_ALLOCATOR_COUNTS_H

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"

#define ALLOCATOR_ORDERS_MAX 32

struct allocator_counts {
	bool is_known;
	struct error why; /* it is not */
	unsigned orders;
	unsigned caches;                       /* of the CPUs that run */
	uint64_t blocks[ALLOCATOR_ORDERS_MAX]; /* free blocks of 2^order frames */
	uint64_t cached[MAX_CPUS];             /* frames in the cache of each CPU */
	uint64_t depot;                        /* frames that caches had too much of */
	uint64_t parked;                       /* frames that the host holds */
	uint64_t free_frames;                  /* all but the parked ones */
};

/* Reads the counts of a view's guest. The thread is registered with liburcu. */
void allocator_counts_read(const struct guest_memory *memory, const struct guest_view *view,
			   struct allocator_counts *counts);

#endif
