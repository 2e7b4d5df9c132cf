/* SPDX-License-Identifier: MPL-2.0 */
/* The walk of slot_walk.h where the array is copied instead of mapped; slot_walk calls it. */
#ifndef VMM_SLOT_COPY_WALK_H
#define VMM_SLOT_COPY_WALK_H

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_walk.h"
#include "memory/guest_memory.h"

int slot_copy_walk(const struct guest_memory *memory, const struct guest_view *view,
		   const struct slot_visitor *visitor, void *own);

#endif
