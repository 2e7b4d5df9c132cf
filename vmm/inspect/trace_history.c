/* SPDX-License-Identifier: MPL-2.0 */
/* The newest events of one frame: see trace_reader.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/trace_reader.h"

/* The newest of each ring: a guest may fill all of them with one frame, and memory is bounded here. */
struct collector {
	uint64_t pfn;
	unsigned limit;
	struct trace_event *events; /* `limit` for each processor */
	uint64_t count[MAX_CPUS];
	uint64_t newest;
};

static void collect(void *context, const struct trace_event *event)
{
	struct collector *to = context;

	if (event->tsc > to->newest)
		to->newest = event->tsc;
	if (event->pfn == to->pfn || to->pfn == TRACE_ALL_FRAMES)
		to->events[event->cpu * to->limit + to->count[event->cpu]++ % to->limit] = *event;
}

int trace_event_compare(const void *left, const void *right)
{
	const struct trace_event *a = left;
	const struct trace_event *b = right;

	if (a->tsc != b->tsc)
		return a->tsc < b->tsc ? -1 : 1;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return (a->position > b->position) - (a->position < b->position);
}

/* Moves the rings' events together, sorts them and keeps the newest. */
static void merge(struct collector *from, unsigned cpus, struct trace_history *history)
{
	struct trace_event *events = from->events;
	unsigned count = 0;

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		unsigned held = from->count[cpu] < from->limit ? (unsigned)from->count[cpu]
							       : from->limit;

		memmove(events + count, events + cpu * from->limit, held * sizeof(*events));
		count += held;
		history->total += from->count[cpu];
	}
	qsort(events, count, sizeof(*events), trace_event_compare);
	history->count = count < from->limit ? count : from->limit;
	memmove(events, events + (count - history->count), history->count * sizeof(*events));
	history->events = events;
	history->newest = from->newest;
}

int trace_history_read(const struct guest_memory *memory, const struct guest_view *view,
		       uint64_t pfn, unsigned limit, struct trace_history *history)
{
	struct collector collector = {.pfn = pfn, .limit = limit};
	struct trace_cursor cursor = {0};

	*history = (struct trace_history){0};
	collector.events = calloc(limit * MAX_CPUS, sizeof(collector.events[0]));
	if (!collector.events)
		return -ENOMEM;

	int result = trace_read(memory, view, &cursor, collect, &collector, &history->counts);

	if (result < 0)
		free(collector.events);
	else
		merge(&collector, view->cpu_count, history);
	return result;
}

void trace_history_free(struct trace_history *history)
{
	free(history->events);
	*history = (struct trace_history){0};
}
