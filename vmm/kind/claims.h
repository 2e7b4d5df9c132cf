/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which frames of a running guest the host may claim: those that the guest's allocator manages, once the guest has
 * checked all of its records. A kind whose frames cannot be claimed has none.
 */
#ifndef VMM_CLAIMS_H
#define VMM_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/guest.h"

/* More than any allocator has. */
#define CLAIM_RANGES_MAX 2048

/* Frames [start, end). */
struct frame_range {
	uint64_t start;
	uint64_t end;
};

/* Valid for one boot of the guest. */
struct claims {
	uint64_t boot_id;
	paddr_t array;  /* of the records */
	paddr_t keeper; /* the page that its allocator shares with a keeper (pagevisor/keeper.h) */
	uint64_t frame_count; /* that have a record */
	uint64_t frames;      /* in the ranges */
	unsigned range_count;
	struct frame_range ranges
		[CLAIM_RANGES_MAX]; /* sorted, not empty, without overlap, below frame_count */
};

/*
 * Reads them. Returns 0 or, with a text, -ENOTSUP if frames of this kind, or of this guest, cannot be claimed,
 * -EAGAIN if the guest boots or has ended, -EPROTO if what it reports cannot be true; *claims is then as before, for
 * what was claimed by it is still to be given back, or to be made void by another boot.
 */
int guest_claims_read(const struct guest *guest, struct claims *claims, struct error *err);

/* Whether the guest is still in that boot and at work, and has its records where they were. One short read. */
bool guest_claims_hold(const struct guest *guest, const struct claims *claims);

#endif
