/* SPDX-License-Identifier: MPL-2.0 */
/* The order of what a look found: see watch_order.h. */
#include "cli/watch_order.h"

/* Whether an event comes before its frame's change, which a look has seen. */
static bool is_before(const struct watch_order *order, const struct frame_event *event,
		      int64_t at_ns, const struct watch_change *change)
{
	const struct frame *now = &change->now->frame;
	int32_t later = (int32_t)(event->after.generation - now->generation);

	if (change->is_first || !order->trace->has_generations || now->state == FRAME_NEVER_WRITTEN)
		return at_ns <= (int64_t)change->at_ns;
	if (later != 0)
		return later < 0;
	/* What the look saw is what this event left. */
	return at_ns <= (int64_t)change->at_ns ||
	       (event->after.state == now->state && event->after.references == now->references);
}

/* The first of a frame's items that is left. */
static bool next_of(const struct watch_order *order, unsigned frame, struct watch_item *item)
{
	const struct frame_history *history = &order->trace->histories[frame];
	const struct watch_change *change = &order->changes[frame];
	bool has_event = order->next[frame] < history->count;
	bool has_change = order->is_changed[frame] && !order->is_told[frame];

	*item = (struct watch_item){.frame = frame};
	if (has_event) {
		item->number = order->next[frame];
		item->event = &history->events[item->number];
		item->at_ns = watch_trace_at_ns(order->trace, history, item->event);
	}
	if (has_change && (!has_event || !is_before(order, item->event, item->at_ns, change))) {
		item->event = NULL;
		item->at_ns = (int64_t)change->at_ns;
	}
	return has_event || has_change;
}

bool watch_order_next(struct watch_order *order, struct watch_item *item)
{
	struct watch_item candidate;
	bool found = false;

	for (unsigned i = 0; i < order->frame_count; i++) {
		if (!next_of(order, i, &candidate) || (found && candidate.at_ns >= item->at_ns))
			continue;
		*item = candidate;
		found = true;
	}
	if (found && item->event)
		order->next[item->frame]++;
	else if (found)
		order->is_told[item->frame] = true;
	return found;
}
