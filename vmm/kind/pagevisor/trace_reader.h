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

#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

struct trace_event {
	uint64_t tsc; /* of the guest */
	uint64_t position;
	uint64_t state; /* of the slot, as the operation left it */
	uint64_t pfn;   /* below the view's slot_count */
	uint64_t caller;
	unsigned cpu;
	enum trace_operation operation;
	int type; /* index into the view's; -1: the operation does not tell */
};

/* What reading has cost so far; add up over calls. */
struct trace_counts {
	uint64_t events; /* handed to the visitor */
	uint64_t lost;   /* written over before they could be read */
	uint64_t
		broken; /* entries that are none: of another position, of no operation, of no frame */
	uint64_t refused; /* rings that cannot be: their size, or not in RAM */
};

/* How far each ring was read: zeroed at first, which means all that the rings still hold. */
struct trace_cursor {
	uint64_t next[MAX_CPUS];
};

typedef void trace_visit(void *context, const struct trace_event *event);

/*
 * Visits the events from the cursor on, and moves it behind them: ring for ring, each from old to new. The thread
 * is registered with liburcu. Returns 0; -ENODATA when the guest does not trace; -EFAULT when its rings are not in RAM.
 */
int trace_read(const struct guest_memory *memory, const struct guest_view *view,
	       struct trace_cursor *cursor, trace_visit *visit, void *context,
	       struct trace_counts *counts);

/* Nanoseconds from one time stamp to a later one; 0 when the guest does not know its frequency, or they are reversed. */
uint64_t trace_ns_between(const struct guest_view *view, uint64_t from, uint64_t to);

#endif
