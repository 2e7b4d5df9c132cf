/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor trace --follow`: see trace_follow.h. */
#include "cli/trace_follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "cli/follower.h"
#include "cli/output.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/trace_text.h"

#define INTERVAL_NS (NS_PER_S / 10)

struct follow {
	struct session *session;
	struct frame_history history; /* since the last read */
	unsigned limit;               /* of the next read */
	struct history_cursor cursor;
	struct history_counts counts;
	struct symbols symbols;
	struct follower follower;
	struct error problem;
	bool has_zero;
	int64_t zero_ns; /* of the guest's clock: seconds count from the first event that is shown */
};

static void load_symbols(struct follow *follow)
{
	symbols_free(&follow->symbols);
	if (guest_symbols(follow->session->guest, &follow->symbols) < 0)
		fprintf(stderr, "pagevisor: the guest's table of functions is broken\n");
}

/* What was counted and called so belongs to the life before. */
static void begin_anew(struct follow *follow)
{
	json *line;

	follow->cursor = (struct history_cursor){0};
	follow->has_zero = false;
	load_symbols(follow);
	if (!follow->session->options.json)
		return;
	line = json_object_new_object();
	json_add_text(line, "life", life_event_key(follow->session->life.event));
	answer_record("life", line);
}

/* One read. What was read counts only if the guest goes on afterwards; otherwise it is read again. */
static int read_events(struct follow *follow)
{
	struct session *session = follow->session;
	struct history_cursor before = follow->cursor;
	struct history_counts counts = follow->counts;
	int result;

	history_free(&follow->history);
	result = guest_history(session->guest, &follow->cursor, &follow->history, 1, follow->limit,
			       &follow->counts);
	if (result < 0)
		return error_set(&follow->problem, result, "the trace cannot be read");
	result = session->source.is_live
			 ? life_watch_end(&session->life, session->guest, &follow->problem)
			 : 0;
	if (result < 0) {
		follow->cursor = before;
		follow->counts = counts;
		return result;
	}
	life_watch_go_on(&session->life);
	return 0;
}

static void print_json(const struct follow *follow, uint64_t left_out)
{
	for (unsigned i = 0; i < follow->history.count; i++) {
		json *line = json_object_new_object();

		if (i == 0 && left_out)
			json_add_number(line, "left_out", left_out);
		json_add_members(line, trace_event_json(&follow->history, i, follow->session->guest,
							&follow->symbols));
		answer_item(line);
	}
}

/* `is_first`: what the trace had before is no loss. */
static void print_events(struct follow *follow, bool is_first, uint64_t lost)
{
	const struct frame_history *history = &follow->history;
	uint64_t left_out = is_first ? 0 : history->total - history->count + lost;

	if (!follow->has_zero && history->count) {
		follow->has_zero = true;
		follow->zero_ns = trace_event_ns(history, history->events[0].time);
	}
	if (follow->session->options.json) {
		print_json(follow, left_out);
		return;
	}
	if (left_out)
		printf("%10s  %" PRIu64 " left out\n", "...", left_out);
	trace_history_print_since(history, follow->session->guest, &follow->symbols,
				  follow->zero_ns);
}

/* After a read that failed: one try to find the guest again. */
static int find_again(struct follow *follow)
{
	struct session *session = follow->session;
	int result = guest_refresh(session->guest, &follow->problem);

	if (result >= 0)
		result = life_watch_begin(&session->life, session->guest, &follow->problem);
	if (result >= 0 && session->guest->progress < GUEST_RUNS && !session->guest->is_dead)
		result = guest_not_ready(session->guest, &follow->problem);
	if (result < 0)
		return result;
	follower_saw(&follow->follower, session->life.event, session->life.now.position);
	if (session->life.event != LIFE_GOES_ON)
		begin_anew(follow);
	return 0;
}

/* Reads until it succeeds. Returns false if there is nothing more to read; *status says why. */
static bool read_on(struct follow *follow, int *status)
{
	int result = read_events(follow);

	*status = STATUS_OK;
	while (result < 0) {
		if (source_has_ended(&follow->session->source))
			return false;
		if (!follower_retries(&follow->follower, result)) {
			*status = output_refuse(STATUS_GUEST, "%s", follow->problem.text);
			return false;
		}
		if (!follower_goes_on(&follow->follower))
			return false;
		clock_sleep_ns(FOLLOW_RETRY_NS);
		result = find_again(follow);
		if (result == 0)
			result = read_events(follow);
	}
	return true;
}

/* Returns an exit status once the VM has ended, or nobody reads any more. */
static int follow_events(struct follow *follow)
{
	const struct source *source = &follow->session->source;
	bool is_first = true, is_last = !source->is_live;
	int status;

	for (;; is_first = false) {
		uint64_t lost = follow->counts.lost;

		is_last |= source_has_ended(source);
		if (!read_on(follow, &status))
			return status;
		follower_saw(&follow->follower, LIFE_GOES_ON, follow->session->life.last.position);
		print_events(follow, is_first, follow->counts.lost - lost);
		if (fflush(stdout) != 0 || output_reader_is_gone() || is_last)
			return STATUS_OK;
		follow->limit = HISTORY_EVENTS_MAX;
		/* A last read shows how it ended. */
		if (follower_goes_on(&follow->follower))
			clock_sleep_ns(INTERVAL_NS);
		else if (!source_has_ended(source))
			return STATUS_OK;
	}
}

int trace_follow(struct session *session, uint64_t pfn, unsigned limit)
{
	struct follow follow = {
		.session = session,
		.history = {.pfn = pfn},
		.limit = limit,
		.follower = follower_begin(&session->source, session->options.json, false),
	};

	if (session->source.is_live)
		life_watch_go_on(&session->life);
	load_symbols(&follow);
	if (session->options.json) {
		answer_follow("trace", session_head(session));
		answer_list("events", "event");
	} else {
		printf(TRACE_SECONDS_HEAD
		       "  CPU   FRAME       OPERATION   AFTER IT              BY\n");
	}
	int status = follow_events(&follow);

	if (status == STATUS_OK)
		status = follower_end(&follow.follower, session->guest->is_dead,
				      "pagevisor: ", stderr);
	if (session->options.json && status == STATUS_OK)
		answer_end(NULL, status);
	trace_counts_tell(&follow.counts);
	history_free(&follow.history);
	symbols_free(&follow.symbols);
	return status;
}
