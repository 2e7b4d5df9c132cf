/* SPDX-License-Identifier: MPL-2.0 */
/* The newest events of some frames: see trace_history.h. */
#include "kind/pagevisor/trace_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* While the rings are read, a history keeps the newest `limit` events of each ring in a ring of its own. */
struct collector {
	struct frame_history *histories;
	unsigned count;
	unsigned limit;
	unsigned cpus;
	uint64_t newest;
	uint64_t clock_khz;
	bool has_no_memory;
};

static void keep(struct collector *to, struct frame_history *history,
		 const struct frame_event *event)
{
	if (!history->events)
		history->events = calloc((size_t)to->limit * to->cpus, sizeof(*history->events));
	if (!history->events) {
		to->has_no_memory = true;
		return;
	}
	history->events[event->cpu * to->limit + history->of_cpu[event->cpu]++ % to->limit] =
		*event;
}

static void collect(void *context, const struct frame_event *event)
{
	struct collector *to = context;

	if (event->time > to->newest)
		to->newest = event->time;
	for (unsigned i = 0; i < to->count; i++)
		if (event->pfn == to->histories[i].pfn ||
		    to->histories[i].pfn == HISTORY_ALL_FRAMES)
			keep(to, &to->histories[i], event);
}

/* By time; at one time, by processor and position. */
static int compare(const void *left, const void *right)
{
	const struct frame_event *a = left;
	const struct frame_event *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return (a->position > b->position) - (a->position < b->position);
}

/*
 * As compare, for events of one frame. Times of two processors may be in the wrong order by the distance of two readings
 * of the clock, but the generation belongs to the change itself: what it decides comes first.
 */
static int compare_lives(const void *left, const void *right)
{
	const struct frame_event *a = left;
	const struct frame_event *b = right;

	if (a->after.generation == b->after.generation)
		return compare(left, right);
	return (int32_t)(a->after.generation - b->after.generation) < 0 ? -1 : 1;
}

/* Joins the rings' events, sorts them and keeps the newest. */
static void merge(const struct collector *from, struct frame_history *history)
{
	struct frame_event *events = history->events;
	unsigned count = 0, limit = from->limit;

	history->newest = from->newest;
	history->clock_khz = from->clock_khz;
	if (!events)
		return;
	for (unsigned cpu = 0; cpu < from->cpus; cpu++) {
		unsigned held = history->of_cpu[cpu] < limit ? (unsigned)history->of_cpu[cpu]
							     : limit;

		memmove(events + count, events + cpu * limit, held * sizeof(*events));
		count += held;
		history->total += history->of_cpu[cpu];
	}
	qsort(events, count, sizeof(*events),
	      history->pfn == HISTORY_ALL_FRAMES ? compare : compare_lives);
	history->count = count < limit ? count : limit;
	memmove(events, events + (count - history->count), history->count * sizeof(*events));
}

int trace_history_read(const struct guest_memory *memory, const struct guest_view *view,
		       struct history_cursor *cursor, struct frame_history *histories,
		       unsigned count, unsigned limit, struct history_counts *counts)
{
	struct collector collector = {.histories = histories,
				      .count = count,
				      .limit = limit,
				      .cpus = view->cpu_count,
				      .clock_khz = view->tsc_khz};

	int result = trace_read(memory, view, cursor, collect, &collector, counts);

	if (result == 0 && collector.has_no_memory)
		result = -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		if (result < 0)
			history_free(&histories[i]);
		else
			merge(&collector, &histories[i]);
	}
	return result;
}
