/* SPDX-License-Identifier: MPL-2.0 */
/* The trace of frames that are watched: see watch_trace.h. */
#include "cli/watch_trace.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/trace_text.h"

void watch_trace_open(struct watch_trace *trace, const struct guest *guest)
{
	trace->is_on = guest_keeps_history(guest);
	trace->has_generations = guest->kind->has_generations;
	trace->ahead_ns = INT64_MAX;
	if (trace->is_on && guest_symbols(guest, &trace->symbols) < 0)
		fprintf(stderr, "pagevisor: the guest's table of functions is broken\n");
}

static void forget(struct watch_trace *trace)
{
	for (unsigned i = 0; i < trace->frame_count; i++)
		history_free(&trace->histories[i]);
}

void watch_trace_close(struct watch_trace *trace)
{
	forget(trace);
	symbols_free(&trace->symbols);
	trace_counts_tell(&trace->counts);
}

void watch_trace_restart(struct watch_trace *trace, const struct guest *guest)
{
	forget(trace);
	symbols_free(&trace->symbols);
	trace->symbols = (struct symbols){0};
	trace->cursor = (struct history_cursor){0};
	watch_trace_open(trace, guest);
}

void watch_trace_drop(struct watch_trace *trace)
{
	forget(trace);
	trace->cursor = trace->cursor_before;
	trace->counts = trace->counts_before;
}

void watch_trace_read(struct watch_trace *trace, const struct guest *guest)
{
	if (!trace->is_on)
		return;
	forget(trace);
	trace->cursor_before = trace->cursor;
	trace->counts_before = trace->counts;
	guest_history(guest, &trace->cursor, trace->histories, trace->frame_count,
		      TRACE_HISTORY_SHOWN, &trace->counts);
	trace->read_ns = clock_now_ns();
	for (unsigned i = 0; i < trace->frame_count; i++) {
		const struct frame_history *history = &trace->histories[i];
		int64_t ahead = (int64_t)trace->read_ns - trace_event_ns(history, history->newest);

		if (history->count && ahead < trace->ahead_ns)
			trace->ahead_ns = ahead;
	}
}

void watch_trace_skip(struct watch_trace *trace, const struct guest *guest)
{
	watch_trace_read(trace, guest);
	forget(trace);
	trace->counts.events = trace->counts.lost = 0;
}

int64_t watch_trace_at_ns(const struct watch_trace *trace, const struct frame_history *history,
			  const struct frame_event *event)
{
	if (history->clock_khz == 0 || trace->ahead_ns == INT64_MAX)
		return 0;
	return trace_event_ns(history, event->time) + trace->ahead_ns;
}

uint64_t watch_trace_left_out(const struct watch_trace *trace, unsigned frame)
{
	return trace->histories[frame].total - trace->histories[frame].count;
}

void watch_trace_print_text(const struct watch_trace *trace, unsigned frame, unsigned number,
			    int64_t at_ns, struct watch_print *print)
{
	const struct frame_history *history = &trace->histories[frame];
	uint64_t left_out = watch_trace_left_out(trace, frame);
	char place[TRACE_PLACE_TEXT];

	if (number == 0 && left_out)
		watch_print_left_out(print, history->pfn, left_out);
	watch_print_event(print, &history->events[number], at_ns,
			  trace_place_text(&trace->symbols, history->events[number].caller, place));
}

int watch_trace_print_json(const struct watch_trace *trace, unsigned frame,
			   const struct watch_print *print)
{
	const struct frame_history *history = &trace->histories[frame];
	uint64_t left_out = watch_trace_left_out(trace, frame);

	for (unsigned i = 0; i < history->count; i++) {
		json *line = json_object_new_object();

		json_add_seconds(line, "at_seconds", trace->read_ns - print->start_ns);
		if (i == 0 && left_out)
			json_add_number(line, "left_out", left_out);
		json_add_members(line, trace_event_json(history, i, print->guest, &trace->symbols));
		if (answer_record("event", line) < 0)
			return -ENOMEM;
	}
	return 0;
}
