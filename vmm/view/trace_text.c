/* SPDX-License-Identifier: MPL-2.0 */
/* Events of a guest's trace for people and for programs: see trace_text.h. */
#include "view/trace_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/json.h"
#include "kind/kind.h"
#include "view/folded.h"
#include "view/frame_json.h"
#include "view/frame_text.h"
#include "view/host_text.h"

#define INDENT     12 /* of what did not fit into its line */
#define TIME_WIDTH 8  /* at least */
#define TIME_TEXT  48
#define STATE_TEXT 48

/*
 * How long before the newest event; in clock ticks if the guest does not know the clock's frequency. ">": it happened
 * then or a little later.
 */
static const char *time_text(const struct frame_history *history, const struct frame_event *event,
			     char *text)
{
	const uint64_t time = event->time;
	const char *mark = event->until == time ? "" : ">";
	const char *sign = time < history->newest ? "-" : "";
	char ago[DURATION_TEXT];

	if (history->clock_khz == 0) {
		snprintf(text, TIME_TEXT, "%s%s%.0f ticks", mark, sign,
			 (double)(history->newest - time));
		return text;
	}
	snprintf(text, TIME_TEXT, "%s%s%s", mark, sign,
		 duration_text(history_ns_between(history, time, history->newest), ago));
	return text;
}

static const char *state_text(const struct guest *guest, const struct frame *frame, char *text)
{
	char count[16] = "", generation[20] = "";

	if (frame_has_count(guest, frame))
		snprintf(count, sizeof(count), " x%" PRIu32, frame->references);
	if (guest->kind->has_generations)
		snprintf(generation, sizeof(generation), " gen %" PRIu32, frame->generation);
	snprintf(text, STATE_TEXT, "%s%s%s", guest_state_name(guest, frame->state), count,
		 generation);
	return text;
}

/*
 * Finds the function that made the call, and the offset in it. Only the return address is known, and a call may be the
 * last instruction of its function. So the byte before the return address decides.
 */
static bool find_caller(const struct symbols *symbols, uint64_t caller, const char **name,
			uint64_t *offset)
{
	if (!symbols_find(symbols, caller - 1, name, offset))
		return false;
	++*offset;
	return true;
}

const char *trace_place_text(const struct symbols *symbols, uint64_t caller, char *text)
{
	const char *name;
	uint64_t offset;

	if (find_caller(symbols, caller, &name, &offset))
		snprintf(text, TRACE_PLACE_TEXT, "%.100s+0x%" PRIx64, name, offset);
	else
		snprintf(text, TRACE_PLACE_TEXT, "0x%" PRIx64, caller);
	return text;
}

/* The widths of columns: those of the longest text. */
struct widths {
	int time;
	int frame;
	int operation;
	int state;
};

/* Where not all events are known at the first line. */
static const struct widths usual = {10, 12, 11, 21};

static int longer(int width, const char *text)
{
	return (int)strlen(text) > width ? (int)strlen(text) : width;
}

static const char *host_state_text(const struct guest *guest, const struct management_event *event,
				   char *text)
{
	struct frame after;

	if (host_event_after(guest, event, &after))
		return state_text(guest, &after, text);
	snprintf(text, STATE_TEXT, "gen %" PRIu32, event->generation);
	return text;
}

static struct widths fit(const struct frame_history *history, const struct management_record *host,
			 const struct guest *guest)
{
	struct widths widths = {.time = TIME_WIDTH};
	char text[STATE_TEXT];

	for (unsigned i = 0; i < history->count; i++) {
		const struct frame_event *event = &history->events[i];

		widths.time = longer(widths.time, time_text(history, event, text));
		snprintf(text, sizeof(text), "%#" PRIx64, event->pfn * PAGE_SIZE);
		widths.frame = longer(widths.frame, text);
		widths.operation = longer(widths.operation, event->operation);
		widths.state = longer(widths.state, state_text(guest, &event->after, text));
	}
	for (unsigned i = 0; host && i < host->count; i++) {
		const struct management_event *event = &host->events[i];

		widths.operation = longer(widths.operation, host_event_name(event));
		widths.state = longer(widths.state, host_state_text(guest, event, text));
	}
	return widths;
}

/* What happened, behind the columns that say when. */
static void print_event(struct folded *line, const struct frame_event *event,
			const struct guest *guest, const struct symbols *symbols, bool with_frame,
			const struct widths *widths)
{
	char state[STATE_TEXT], place[TRACE_PLACE_TEXT];

	folded_put(line, " cpu %-2u ", event->cpu);
	if (with_frame)
		folded_put(line, "%#-*" PRIx64 " ", widths->frame, event->pfn * PAGE_SIZE);
	folded_put(line, "%-*s %-*s", widths->operation, event->operation, widths->state,
		   state_text(guest, &event->after, state));
	folded_words(line, trace_place_text(symbols, event->caller, place));
	if (event->after.type >= 0)
		folded_words(line, guest_type_name(guest, event->after.type));
	folded_end(line);
}

static void print_host_event(struct folded *line, const struct management_record *host,
			     unsigned number, const struct guest *guest,
			     const struct widths *widths)
{
	const struct management_event *event = &host->events[number];
	char state[STATE_TEXT], text[HOST_EVENT_TEXT];

	folded_put(line, " host   %-*s %-*s", widths->operation, host_event_name(event),
		   widths->state, host_state_text(guest, event, state));
	folded_words(line, host_event_text(host, number, text));
	folded_end(line);
}

/*
 * Whether an event of the host's comes before one of the guest's. The two have no clock in common, but each claim, by
 * either, has a generation of its own.
 */
static bool comes_first(const struct management_event *host, const struct frame_event *event)
{
	return (int32_t)(host->generation - event->after.generation) < 0;
}

/* Whether the next event of both lists together is the host's. */
static bool next_is_hosts(const struct frame_history *history, unsigned number,
			  const struct management_record *host, unsigned host_number)
{
	if (!host || host_number == host->count)
		return false;
	return number == history->count ||
	       comes_first(&host->events[host_number], &history->events[number]);
}

static struct folded begin_line(void)
{
	return (struct folded){
		.out = stdout, .columns = folded_columns(STDOUT_FILENO), .indent = INDENT};
}

void trace_history_print(const struct frame_history *history, const struct guest *guest,
			 const struct symbols *symbols)
{
	const struct widths widths = fit(history, NULL, guest);
	struct folded line = begin_line();
	char time[TIME_TEXT];

	for (unsigned i = 0; i < history->count; i++) {
		folded_put(&line, "%*s", widths.time,
			   time_text(history, &history->events[i], time));
		print_event(&line, &history->events[i], guest, symbols, true, &widths);
	}
}

void trace_frame_print(const struct frame_history *history, const struct management_record *host,
		       const struct guest *guest, const struct symbols *symbols)
{
	const struct widths widths = fit(history, host, guest);
	const unsigned count = history->count + (host ? host->count : 0);
	struct folded line = begin_line();
	unsigned done = 0, host_done = 0;
	char time[TIME_TEXT];

	while (done + host_done < count) {
		bool is_hosts = next_is_hosts(history, done, host, host_done);

		folded_put(&line, "%-9s %*s", done + host_done ? "" : "history", widths.time,
			   is_hosts ? "" : time_text(history, &history->events[done], time));
		if (is_hosts)
			print_host_event(&line, host, host_done++, guest, &widths);
		else
			print_event(&line, &history->events[done++], guest, symbols, false,
				    &widths);
	}
	if (done > 0 && host_done > 0)
		printf("          host events are placed by generation; their times are the host's, "
		       "counted from now\n");
}

int64_t trace_event_ns(const struct frame_history *history, uint64_t time)
{
	uint64_t ns = history_ns_between(history, 0, time);

	return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

void trace_history_print_since(const struct frame_history *history, const struct guest *guest,
			       const struct symbols *symbols, int64_t zero_ns)
{
	struct folded line = begin_line();

	for (unsigned i = 0; i < history->count; i++) {
		const struct frame_event *event = &history->events[i];

		if (history->clock_khz)
			folded_put(&line, "%10.6f",
				   (double)(trace_event_ns(history, event->time) - zero_ns) /
					   (double)NS_PER_S);
		else
			folded_put(&line, "%10" PRIu64, event->time);
		print_event(&line, event, guest, symbols, true, &usual);
	}
}

json *trace_event_json(const struct frame_history *history, unsigned number,
		       const struct guest *guest, const struct symbols *symbols)
{
	const struct frame_event *event = &history->events[number];
	json *object = json_object_new_object();
	const char *name;
	uint64_t offset;

	json_add_frame(object, event->pfn);
	if (history->clock_khz)
		json_add_seconds(object, "ago_seconds",
				 history_ns_between(history, event->time, history->newest));
	json_add_hex(object, "tsc", event->time);
	if (event->until != TIME_UNKNOWN)
		json_add_hex(object, "tsc_until", event->until);
	json_add_number(object, "position", event->position);
	json_add_number(object, "cpu", event->cpu);
	json_add_text(object, "operation", event->operation);
	frame_add_json(object, guest, &event->after);
	json_add_hex(object, "caller", event->caller);
	if (find_caller(symbols, event->caller, &name, &offset)) {
		json_add_text(object, "function", name);
		json_add_number(object, "function_offset", offset);
	}
	return object;
}

json *trace_frame_json(const struct frame_history *history, const struct management_record *host,
		       const struct guest *guest, const struct symbols *symbols)
{
	const unsigned count = history->count + (host ? host->count : 0);
	json *array = json_object_new_array();
	unsigned done = 0, host_done = 0;

	while (done + host_done < count)
		if (next_is_hosts(history, done, host, host_done))
			json_object_array_add(
				array, host_event_json(guest, history->pfn, host, host_done++));
		else
			json_object_array_add(array,
					      trace_event_json(history, done++, guest, symbols));
	return array;
}

void trace_counts_tell(const struct history_counts *counts)
{
	if (counts->broken || counts->refused)
		fprintf(stderr,
			"pagevisor: the guest's trace is broken: %" PRIu64
			" invalid entries, %" PRIu64 " invalid rings\n",
			counts->broken, counts->refused);
}
