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
	bool has_generations;
	unsigned frame_count;
	struct frame_history histories[WATCH_FRAMES_MAX]; /* since the previous read */
	uint64_t read_ns;                                 /* the time of that read */
	/*
	 * How far our clock is ahead of the guest's. A read comes after the newest event that it finds, so each is an
	 * upper bound, and the least of them is the best. INT64_MAX: not known yet.
	 */
	int64_t ahead_ns;
	struct history_cursor cursor;
	struct history_counts counts;
	struct history_cursor cursor_before; /* the last read */
	struct history_counts counts_before;
	struct symbols symbols;
};

void watch_trace_open(struct watch_trace *trace, const struct guest *guest);
void watch_trace_close(struct watch_trace *trace);

/* Begins anew: the guest restarted, or an earlier state of it was loaded. Counts are kept. */
void watch_trace_restart(struct watch_trace *trace, const struct guest *guest);

/* Leaves out what the trace holds by now: it was before the watch. */
void watch_trace_skip(struct watch_trace *trace, const struct guest *guest);

/*
 * Reads the events since the last read; at first, all that the trace still holds. Reads nothing if the trace cannot be
 * read.
 */
void watch_trace_read(struct watch_trace *trace, const struct guest *guest);

/* Forgets the last read, as if it had not been made. */
void watch_trace_drop(struct watch_trace *trace);

/* When an event of the last read happened, about (CLOCK_MONOTONIC); 0 if the guest does not know its clock's frequency. */
int64_t watch_trace_at_ns(const struct watch_trace *trace, const struct frame_history *history,
			  const struct frame_event *event);

/* How many events of a frame were too many for the last read. */
uint64_t watch_trace_left_out(const struct watch_trace *trace, unsigned frame);

/* Prints one of the events of a frame that were read last; before the first, how many earlier ones are left out. */
void watch_trace_print_text(const struct watch_trace *trace, unsigned frame, unsigned number,
			    int64_t at_ns, struct watch_print *print);

/* Prints all of them. Returns 0 or -ENOMEM. */
int watch_trace_print_json(const struct watch_trace *trace, unsigned frame,
			   const struct watch_print *print);

#endif
