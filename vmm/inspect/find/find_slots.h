/* SPDX-License-Identifier: MPL-2.0 */
/* Searching the metadata array of a running guest for the slots that an expression means. */
#ifndef VMM_FIND_SLOTS_H
#define VMM_FIND_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect/find/expression.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"
#include "memory/guest_memory.h"

/* A slot that was found, as one consistent copy: type and storage are of the incarnation that state tells. */
struct found_slot {
	pfn_t frame;
	uint64_t state;
	int type;              /* index, SLOT_TYPE_NONE or SLOT_TYPE_WILD */
	struct slot_copy copy; /* in use, so type is not SLOT_TYPE_NONE: the whole slot */
};

struct find_options {
	const struct expression *expression;
	uint64_t limit; /* slots handed to `found` at most; the others are counted only */
	/* Called outside of read-side sections, in the order of the addresses; NULL when the limit is 0. */
	void (*found)(void *own, const struct found_slot *slot);
	void *own;
};

struct find_result {
	uint64_t matches;
	uint64_t holes; /* slots in memory that the guest never wrote: they match nothing */
	struct read_counters reads; /* slots given up match nothing either */
	uint64_t duration_ns;
};

/*
 * Searches the array of a view at STAGE_METADATA or later. An expression that asks for states alone is answered
 * from them; copies are taken of the slots in use when it asks for more, and of those to be handed out. The
 * thread is registered with liburcu. Returns 0, -ENOMEM, or -EFAULT when the array is no longer in RAM.
 */
int find_slots(const struct guest_memory *memory, const struct guest_view *view,
	       const struct find_options *options, struct find_result *result);

#endif
