/* SPDX-License-Identifier: MPL-2.0 */
/* A sample of the slot of one frame of a running guest. */
#ifndef VMM_SLOT_LOOK_H
#define VMM_SLOT_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"
#include "memory/guest_memory.h"

struct slot_look {
	bool is_hole;     /* the guest never wrote the slot: nothing else is set */
	bool is_unstable; /* it changed during every try: only a state that it once had is known */
	bool is_in_use;   /* type and metadata are known, from one moment */
	uint32_t references;
	uint32_t generation;
	enum ref_class class;
	int type; /* index into the view's; -1: the vtable pointer names no type */
	struct slot_copy copy;
};

/*
 * Samples frame `pfn`, which is below view->slot_count, at level 2 of slot_reader.h. The view is at STAGE_METADATA or
 * later. Does not touch memory that the guest never wrote. The thread is registered with liburcu. Returns 0; -EFAULT if
 * the array is no longer in RAM; or the error of a source that copies.
 */
int slot_look(const struct guest_memory *memory, const struct guest_view *view, uint64_t pfn,
	      struct slot_look *look);

#endif
