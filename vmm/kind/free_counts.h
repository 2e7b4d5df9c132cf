/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much the guest's allocator has free, by its own counts.
 *
 * They are read while the guest runs and without its locks. Each count is one that the allocator had; together they are
 * of no one moment, so that frames on their way from one place to another count twice or not at all, and the sum is
 * about right.
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
	struct error why; /* it is not */
	unsigned orders;
	unsigned caches;                  /* of the CPUs that run */
	uint64_t blocks[FREE_ORDERS_MAX]; /* free blocks of 2^order frames */
	uint64_t cached[GUEST_CPUS_MAX];  /* frames in the cache of each CPU */
	uint64_t depot;                   /* frames that caches had too much of */
	uint64_t parked;                  /* frames that the host holds */
	uint64_t free_frames;             /* all but the parked ones */
};

/* Reads the counts of a guest at GUEST_RUNS; a kind that has none says so in `why`. */
void guest_free_counts(const struct guest *guest, struct free_counts *counts);

#endif
