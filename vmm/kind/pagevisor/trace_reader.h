/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads a guest's trace (pagevisor/trace.h): what it did to its frames recently, and in which function.
 *
 * Reads copies, through the descriptors of the memory, so all sources look alike and the guest keeps running. What a
 * guest overwrites meanwhile is lost and counted. The rings' sizes bound everything, whatever the rings contain.
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
 * Visits the events from the cursor on, and moves it past them: ring by ring, each from old to new. The thread is
 * registered with liburcu. A ring that has fewer entries than were read of it began anew, and is read from its start.
 * Returns 0; -ENODATA if the guest keeps no trace; -EFAULT if its rings are not in RAM.
 */
int trace_read(const struct guest_memory *memory, const struct guest_view *view,
	       struct history_cursor *cursor, trace_visit *visit, void *context,
	       struct history_counts *counts);

#endif
