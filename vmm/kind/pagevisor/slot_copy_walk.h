/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Walks an array in copied memory, for record_walk. It reads up to MEMORY_READER_CHUNK_MAX bytes of slots at a time
 * (states, slots, states), then rereads those that changed meanwhile, a few at a time. So a visitor gets slots that
 * level 2 has already settled: its first attempt to read one in use gives a consistent copy.
 */
#ifndef VMM_SLOT_COPY_WALK_H
#define VMM_SLOT_COPY_WALK_H

#include "kind/kind.h"

/* Returns as record_walk. */
int slot_copy_walk(const struct guest *guest, const struct record_run *run,
		   const struct record_visitor *visitor, void *own);

#endif
