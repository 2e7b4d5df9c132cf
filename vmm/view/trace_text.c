/* SPDX-License-Identifier: MPL-2.0 */
/* Events of a guest's trace for people and for programs: see trace_text.h. */
#include "view/trace_text.h"

#include <inttypes.h>
#include <stdio.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/json.h"
#include "kind/kind.h"
#include "view/frame_text.h"

#define TIME_TEXT  32
#define STATE_TEXT 48
#define PLACE_TEXT SYMBOLS_TEXT_SIZE

/*
 * How long before the newest event; in clock ticks if the guest does not know the clock's frequency. ">": it happened
 * then or a little later.
 */
static const char *time_text(const struct frame_history *history, const struct frame_event *event,
			     char *text)
{
	const uint64_t time = event->time;
	const char *mark = event->until == time ? "" : ">";
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)history_ns_between(history, time, history->newest);
	unsigned unit = 0;

	if (history->clock_khz == 0) {
		snprintf(text, TIME_TEXT, "%s-%.3g ticks", mark, (double)(history->newest - time));
		return text;
	}
	for (; unit < 3 && value >= 999.5; unit++)
		value /= 1000;
	snprintf(text, TIME_TEXT, "%s-%.3g %s", mark, value, units[unit]);
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

static const char *place_text(const struct symbols *symbols, uint64_t caller, char *text)
{
	const char *name;
	uint64_t offset;

	if (find_caller(symbols, caller, &name, &offset))
		snprintf(text, PLACE_TEXT, "%.100s+0x%" PRIx64, name, offset);
	else
		snprintf(text, PLACE_TEXT, "0x%" PRIx64, caller);
	return text;
}

void trace_history_print(const struct frame_history *history, const struct guest *guest,
			 const struct symbols *symbols, const char *title, bool with_frames)
{
	char time[TIME_TEXT], state[STATE_TEXT], place[PLACE_TEXT], frame[32] = "";

	for (unsigned i = 0; i < history->count; i++) {
		const struct frame_event *event = &history->events[i];
		bool has_type = event->after.type >= 0;

		if (with_frames)
			snprintf(frame, sizeof(frame), "%#-12" PRIx64 " ", event->pfn * PAGE_SIZE);
		printf("%-9s %8s cpu %-2u %s%-11s %-21s %s%s%s\n", title,
		       time_text(history, event, time), event->cpu, frame, event->operation,
		       state_text(guest, &event->after, state),
		       place_text(symbols, event->caller, place), has_type ? " " : "",
		       has_type ? guest_type_name(guest, event->after.type) : "");
		title = "";
	}
}

static void add_state(struct json_object *object, const struct guest *guest,
		      const struct frame *frame)
{
	json_add_text(object, "state", guest_state_name(guest, frame->state));
	if (frame_has_count(guest, frame) && !guest_state(guest, frame->state)->is_broken)
		json_add_number(object, "references", frame->references);
	if (guest->kind->has_generations)
		json_add_number(object, "generation", frame->generation);
	if (frame->type >= 0)
		json_add_text(object, "type", guest_type_name(guest, frame->type));
}

void trace_event_json(struct json_object *object, const struct frame_history *history,
		      unsigned number, const struct guest *guest, const struct symbols *symbols,
		      bool with_frames)
{
	const struct frame_event *event = &history->events[number];
	char text[32];
	const char *name;
	uint64_t offset;

	if (with_frames) {
		snprintf(text, sizeof(text), "0x%" PRIx64, event->pfn * PAGE_SIZE);
		json_add_text(object, "frame", text);
	}
	if (history->clock_khz)
		json_add_number(object, "ago_ns",
				history_ns_between(history, event->time, history->newest));
	json_add_number(object, "tsc", event->time);
	if (event->until != TIME_UNKNOWN)
		json_add_number(object, "tsc_until", event->until);
	json_add_number(object, "position", event->position);
	json_add_number(object, "cpu", event->cpu);
	json_add_text(object, "operation", event->operation);
	add_state(object, guest, &event->after);
	snprintf(text, sizeof(text), "0x%" PRIx64, event->caller);
	json_add_text(object, "caller", text);
	if (find_caller(symbols, event->caller, &name, &offset)) {
		json_add_text(object, "function", name);
		json_add_number(object, "offset", offset);
	}
}

struct json_object *trace_history_json(const struct frame_history *history,
				       const struct guest *guest, const struct symbols *symbols,
				       bool with_frames)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < history->count; i++) {
		struct json_object *object = json_object_new_object();

		trace_event_json(object, history, i, guest, symbols, with_frames);
		json_object_array_add(array, object);
	}
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
