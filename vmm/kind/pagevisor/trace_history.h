/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The newest events of some frames in a guest's trace: one look back (`show`, `trace`), or again and again from where
 * the last one ended (`watch`). Memory is bounded by the limit, however the guest fills its rings.
 */
#ifndef VMM_TRACE_HISTORY_H
#define VMM_TRACE_HISTORY_H

#include "kind/pagevisor/trace_reader.h"

/* Of one frame. Set pfn before reading, the rest is the result. */
struct trace_history {
	uint64_t pfn; /* or TRACE_ALL_FRAMES */
	unsigned count;
	struct trace_event *events; /* oldest first */
	uint64_t of_cpu[MAX_CPUS];  /* events of each ring, those that are not kept included */
	uint64_t total;             /* of all rings */
	uint64_t newest; /* time stamp of the newest event of any frame: what is closest to now */
};

#define TRACE_HISTORY_MAX 1024
#define TRACE_ALL_FRAMES  UINT64_MAX

/*
 * Collects at most `limit` events, 1 to TRACE_HISTORY_MAX, of each of the frames, from the cursor on, and moves it.
 * Returns as trace_read, and -ENOMEM. After an error all histories are empty. Either way trace_history_free may be
 * called for each of them.
 */
int trace_histories_read(const struct guest_memory *memory, const struct guest_view *view,
			 struct trace_cursor *cursor, struct trace_history *histories,
			 unsigned count, unsigned limit, struct trace_counts *counts);

/* The same for one frame, of all that the rings still hold. */
int trace_history_read(const struct guest_memory *memory, const struct guest_view *view,
		       uint64_t pfn, unsigned limit, struct trace_history *history,
		       struct trace_counts *counts);
void trace_history_free(struct trace_history *history);

#endif
