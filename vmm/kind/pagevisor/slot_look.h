/* SPDX-License-Identifier: MPL-2.0 */
/* One look at the slot of one frame of a running guest. */
#ifndef VMM_SLOT_LOOK_H
#define VMM_SLOT_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"
#include "memory/guest_memory.h"

struct slot_look {
	bool is_hole;     /* the guest never wrote the slot: nothing else is set */
	bool is_unstable; /* it changed during every try: only a state that it had is known */
	bool is_in_use;   /* type and metadata are known, and of one moment */
	uint32_t references;
	uint32_t generation;
	enum ref_class class;
	int type; /* index into the view's, -1: the vtable pointer is no type's */
	struct slot_copy copy;
};

/*
 * Looks at frame `pfn`, which is below view->slot_count, of a view at STAGE_METADATA or later; level 2 of
 * slot_reader.h. Does not touch memory that the guest never wrote. The thread is registered with liburcu. Returns 0,
 * -EFAULT when the array is no longer in RAM, or what a source that copies says.
 */
int slot_look(const struct guest_memory *memory, const struct guest_view *view, uint64_t pfn,
	      struct slot_look *look);

#endif
