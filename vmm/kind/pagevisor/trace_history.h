/* SPDX-License-Identifier: MPL-2.0 */
/* The newest events of some frames in a guest's trace, as history.h has them. */
#ifndef VMM_TRACE_HISTORY_H
#define VMM_TRACE_HISTORY_H

#include "kind/pagevisor/trace_reader.h"

/* As guest_history of a view's guest. */
int trace_history_read(const struct guest_memory *memory, const struct guest_view *view,
		       struct history_cursor *cursor, struct frame_history *histories,
		       unsigned count, unsigned limit, struct history_counts *counts);

#endif
