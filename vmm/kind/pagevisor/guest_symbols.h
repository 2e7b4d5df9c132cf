/* SPDX-License-Identifier: MPL-2.0 */
/* The functions of a guest's kernel, from the table that its image carries (pagevisor/symbols.h). */
#ifndef VMM_GUEST_SYMBOLS_H
#define VMM_GUEST_SYMBOLS_H

#include "base/elf/symbols.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

/*
 * Copies and checks the table. Returns 0, also for a kernel without a table, which gives no symbols; -EPROTO if the
 * table is broken; or -ENOMEM. After an error `symbols` is empty and may be used. It is freed with symbols_free.
 */
int guest_symbols_read(const struct guest_view *view, const struct guest_memory *memory,
		       struct symbols *symbols);

#endif
