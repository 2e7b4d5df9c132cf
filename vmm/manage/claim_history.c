/* SPDX-License-Identifier: MPL-2.0 */
/* The newest claims and releases of the host: see claim_history.h. */
#include "manage/claim_history.h"

#include <errno.h>
#include <stdlib.h>

/* Entries that are looked at under the lock. */
#define FOUND_AT_ONCE 1024

int claim_history_init(struct claim_history *history)
{
	*history =
		(struct claim_history){.runs = calloc(CLAIM_HISTORY_MAX, sizeof(*history->runs))};
	if (!history->runs)
		return -ENOMEM;
	pthread_mutex_init(&history->lock, NULL);
	return 0;
}

void claim_history_destroy(struct claim_history *history)
{
	pthread_mutex_destroy(&history->lock);
	free(history->runs);
}

void claim_history_forget(struct claim_history *history)
{
	history->pending_count = 0;
	pthread_mutex_lock(&history->lock);
	history->total = 0;
	pthread_mutex_unlock(&history->lock);
}

/* Whether something happened to frames as to those of a run, and they lie beside these. Releases come backwards. */
static bool extends(const struct claim_run *run, uint64_t frame,
		    const struct management_event *event)
{
	const struct management_event *other = &run->event;

	return (frame == run->first + other->frames || frame + event->frames == run->first) &&
	       event->time_ns == other->time_ns && event->generation == other->generation &&
	       event->type == other->type && event->action == other->action &&
	       event->flags == other->flags;
}

void claim_history_note(struct claim_history *history, uint64_t frame,
			const struct management_event *event)
{
	struct claim_run *last =
		history->pending_count ? &history->pending[history->pending_count - 1] : NULL;

	if (last && extends(last, frame, event)) {
		last->first = frame < last->first ? frame : last->first;
		last->event.frames += event->frames;
		return;
	}
	if (history->pending_count == CLAIM_PENDING_MAX)
		claim_history_flush(history);
	history->pending[history->pending_count++] = (struct claim_run){frame, *event};
}

void claim_history_flush(struct claim_history *history)
{
	if (history->pending_count == 0)
		return;
	pthread_mutex_lock(&history->lock);
	for (unsigned i = 0; i < history->pending_count; i++)
		history->runs[history->total++ % CLAIM_HISTORY_MAX] = history->pending[i];
	pthread_mutex_unlock(&history->lock);
	history->pending_count = 0;
}

static void make_oldest_first(struct management_record *record)
{
	for (uint32_t i = 0, j = record->count; i + 1 < j; i++) {
		struct management_event event = record->events[i];

		record->events[i] = record->events[--j];
		record->events[j] = event;
	}
}

void claim_history_find(struct claim_history *history, uint64_t frame,
			struct management_record *record)
{
	pthread_mutex_lock(&history->lock);
	uint64_t total = history->total;
	uint64_t kept = total < CLAIM_HISTORY_MAX ? total : CLAIM_HISTORY_MAX;

	record->count = 0;
	record->forgotten = total - kept;
	for (uint64_t i = 1; i <= kept && record->count < MANAGEMENT_EVENTS_MAX; i++) {
		const struct claim_run *run = &history->runs[(total - i) % CLAIM_HISTORY_MAX];

		if (frame - run->first < run->event.frames)
			record->events[record->count++] = run->event;
		if (i % FOUND_AT_ONCE)
			continue;
		pthread_mutex_unlock(&history->lock);
		pthread_mutex_lock(&history->lock);
		/* Forgotten, or so many newer ones that the place of the next has another. */
		if (history->total < total || history->total - (total - i) >= CLAIM_HISTORY_MAX)
			break;
	}
	pthread_mutex_unlock(&history->lock);
	make_oldest_first(record);
}
