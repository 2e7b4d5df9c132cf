/* SPDX-License-Identifier: MPL-2.0 */
/* The newest events of some frames in a guest's trace, in the form of history.h. */
#ifndef VMM_TRACE_HISTORY_H
#define VMM_TRACE_HISTORY_H

#include "kind/pagevisor/trace_reader.h"

/* As guest_history, for the guest that a view describes. */
int trace_history_read(const struct guest_memory *memory, const struct guest_view *view,
		       struct history_cursor *cursor, struct frame_history *histories,
		       unsigned count, unsigned limit, struct history_counts *counts);

#endif
