/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The walk over an array in memory that is copied, for record_walk: slots are read up to MEMORY_READER_CHUNK_MAX bytes at
 * a time, states, slots, states, and what changed meanwhile again a few slots at a time. So a visitor is given slots that
 * level 2 has settled already: of those in use it reads a consistent copy at its first attempt.
 */
#ifndef VMM_SLOT_COPY_WALK_H
#define VMM_SLOT_COPY_WALK_H

#include "kind/kind.h"

/* Returns as record_walk. */
int slot_copy_walk(const struct guest *guest, const struct record_run *run,
		   const struct record_visitor *visitor, void *own);

#endif
