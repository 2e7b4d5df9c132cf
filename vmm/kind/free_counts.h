/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much memory the guest's allocator has free, by its own counts.
 *
 * They are read while the guest runs, without its locks. Each count is a value that the allocator had, but not all date
 * from one moment: a frame on its way from one place to another counts twice or not at all. The sum is approximate.
 */
#ifndef VMM_FREE_COUNTS_H
#define VMM_FREE_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"

#define FREE_ORDERS_MAX 32

struct free_counts {
	bool is_known;
	struct error why; /* why the counts are unknown, if they are */
	unsigned orders;
	unsigned caches;                  /* of the running CPUs */
	uint64_t blocks[FREE_ORDERS_MAX]; /* free blocks of 2^order frames */
	uint64_t cached[GUEST_CPUS_MAX];  /* frames in the cache of each CPU */
	uint64_t depot;                   /* frames that the caches had in excess */
	uint64_t parked;      /* frames that the host holds, as far as the allocator has met them */
	uint64_t free_frames; /* all but the parked ones */
};

/*
 * The frames that the guest can allocate, where the host holds so many: those that the allocator has not met yet are
 * among its free frames.
 */
static inline uint64_t free_counts_without(const struct free_counts *counts, uint64_t host_frames)
{
	uint64_t all = counts->free_frames + counts->parked;

	return all > host_frames ? all - host_frames : 0;
}

/* Reads the counts of a guest at GUEST_RUNS. If its kind has none, `why` says so. */
void guest_free_counts(const struct guest *guest, struct free_counts *counts);

#endif
