/* SPDX-License-Identifier: MPL-2.0 */
/* The trace of frames that are watched: see watch_trace.h. */
#include "cli/watch_trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/json.h"
#include "view/trace_text.h"

void watch_trace_open(struct watch_trace *trace, const struct guest *guest)
{
	trace->is_on = guest_keeps_history(guest);
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

void watch_trace_read(struct watch_trace *trace, const struct guest *guest)
{
	if (!trace->is_on)
		return;
	forget(trace);
	guest_history(guest, &trace->cursor, trace->histories, trace->frame_count,
		      TRACE_HISTORY_SHOWN, &trace->counts);
	trace->read_ns = clock_now_ns();
}

static int print_text(const struct watch_trace *trace, const struct frame_history *history,
		      const struct watch_print *print)
{
	uint64_t left_out = history->total - history->count;
	char title[32] = "";

	if (print->many)
		snprintf(title, sizeof(title), "%#" PRIx64, history->pfn * PAGE_SIZE);
	if (left_out)
		printf("%-9s ... %" PRIu64 " earlier\n", title, left_out);
	trace_history_print(history, print->guest, &trace->symbols, left_out ? "" : title, false);
	return (int)history->count;
}

static int print_json(const struct watch_trace *trace, const struct frame_history *history,
		      const struct watch_print *print)
{
	uint64_t left_out = history->total - history->count;

	for (unsigned i = 0; i < history->count; i++) {
		struct json_object *line = json_object_new_object();

		json_add_text(line, "event", "trace");
		json_add_number(line, "time_ns", trace->read_ns - print->start_ns);
		if (i == 0 && left_out)
			json_add_number(line, "left_out", left_out);
		trace_event_json(line, history, i, print->guest, &trace->symbols, true);
		if (json_print_line(line) < 0)
			return -ENOMEM;
	}
	return (int)history->count;
}

int watch_trace_print(const struct watch_trace *trace, unsigned frame,
		      const struct watch_print *print, bool as_json)
{
	const struct frame_history *history = &trace->histories[frame];

	return as_json ? print_json(trace, history, print) : print_text(trace, history, print);
}
