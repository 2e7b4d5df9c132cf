/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor watch` adds of a guest that traces: who did what to the frames since the last look, also what came and
 * went between two looks. The newest events of each frame are told, the rest is counted.
 */
#ifndef VMM_WATCH_TRACE_H
#define VMM_WATCH_TRACE_H

#include "base/elf/symbols.h"
#include "view/watch_print.h"
#include "kind/history.h"

#define WATCH_FRAMES_MAX 64

/* Starts as zeroes but for the numbers of the frames, histories[].pfn. */
struct watch_trace {
	bool is_on; /* the guest traces */
	unsigned frame_count;
	struct frame_history histories[WATCH_FRAMES_MAX]; /* since the reading before */
	uint64_t read_ns;                                 /* when that was */
	struct history_cursor cursor;
	struct history_counts counts;
	struct symbols symbols;
};

void watch_trace_open(struct watch_trace *trace, const struct guest *guest);
void watch_trace_close(struct watch_trace *trace);

/* What happened since the last time; at first, all that the trace still holds. Where that cannot be read, nothing. */
void watch_trace_read(struct watch_trace *trace, const struct guest *guest);

/* The events of a frame that were read last, one a line. Returns how many lines there are, or -ENOMEM. */
int watch_trace_print(const struct watch_trace *trace, unsigned frame,
		      const struct watch_print *print, bool as_json);

#endif
