/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor watch` adds for a guest that traces: who did what to the frames since the last look, including
 * changes undone between two looks. The newest events of each frame are printed, the rest are counted.
 */
#ifndef VMM_WATCH_TRACE_H
#define VMM_WATCH_TRACE_H

#include "base/elf/symbols.h"
#include "view/watch_print.h"
#include "kind/history.h"

#define WATCH_FRAMES_MAX 64

/* Starts as zeroes, except for the numbers of the frames, histories[].pfn. */
struct watch_trace {
	bool is_on; /* the guest traces */
	unsigned frame_count;
	struct frame_history histories[WATCH_FRAMES_MAX]; /* since the previous read */
	uint64_t read_ns;                                 /* the time of that read */
	struct history_cursor cursor;
	struct history_counts counts;
	struct symbols symbols;
};

void watch_trace_open(struct watch_trace *trace, const struct guest *guest);
void watch_trace_close(struct watch_trace *trace);

/*
 * Reads the events since the last read; at first, all that the trace still holds. Reads nothing if the trace cannot be
 * read.
 */
void watch_trace_read(struct watch_trace *trace, const struct guest *guest);

/* Prints the events of a frame that were read last, one a line. Returns the number of lines, or -ENOMEM. */
int watch_trace_print(const struct watch_trace *trace, unsigned frame,
		      const struct watch_print *print, bool as_json);

#endif
