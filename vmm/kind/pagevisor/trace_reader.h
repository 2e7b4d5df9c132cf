/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading a guest's trace (pagevisor/trace.h): what was done to its frames lately, by which function.
 *
 * Reads copies, through the descriptors of the memory, so all sources are the same to it; the guest runs on. What
 * a guest writes over meanwhile is lost and counted. Everything is bounded by the rings' sizes, whatever they say.
 */
#ifndef VMM_TRACE_READER_H
#define VMM_TRACE_READER_H

#include <stdint.h>

#include <pagevisor/trace.h>

#include "kind/history.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

typedef void trace_visit(void *context, const struct frame_event *event);

/*
 * Visits the events from the cursor on, and moves it behind them: ring for ring, each from old to new. The thread
 * is registered with liburcu. Returns 0; -ENODATA when the guest does not trace; -EFAULT when its rings are not in RAM.
 */
int trace_read(const struct guest_memory *memory, const struct guest_view *view,
	       struct history_cursor *cursor, trace_visit *visit, void *context,
	       struct history_counts *counts);

#endif
