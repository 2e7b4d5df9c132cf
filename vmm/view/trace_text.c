/* SPDX-License-Identifier: MPL-2.0 */
/* Events of a guest's trace for people and for programs: see trace_text.h. */
#include "view/trace_text.h"

#include <inttypes.h>
#include <stdio.h>

#include <pagevisor/slot.h>

#include "base/clock.h"
#include "base/json.h"

#define TIME_TEXT  32
#define STATE_TEXT 48
#define PLACE_TEXT SYMBOLS_TEXT_SIZE

/* How long before the newest event; in ticks of the clock where the guest does not know its frequency. */
static const char *time_text(const struct guest_view *view, uint64_t tsc, uint64_t newest,
			     char *text)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)trace_ns_between(view, tsc, newest);
	unsigned unit = 0;

	if (view->tsc_khz == 0) {
		snprintf(text, TIME_TEXT, "-%.3g ticks", (double)(newest - tsc));
		return text;
	}
	for (; unit < 3 && value >= 999.5; unit++)
		value /= 1000;
	snprintf(text, TIME_TEXT, "-%.3g %s", value, units[unit]);
	return text;
}

static const char *state_text(uint64_t state, char *text)
{
	uint32_t refs = slot_state_refs(state);
	enum ref_class class = ref_classify(refs);
	char count[16] = "";

	if (class == REF_CLASS_SHARED || class == REF_CLASS_ILLEGAL)
		snprintf(count, sizeof(count), " x%" PRIu32, refs);
	snprintf(text, STATE_TEXT, "%s%s gen %" PRIu32, ref_class_name(class), count,
		 slot_state_generation(state));
	return text;
}

/*
 * The function that made the call, and where in it. What is known is the return address, and a call may be the
 * last instruction of its function: the function is that of the byte before.
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

static const char *type_name(const struct guest_view *view, int type)
{
	return type < 0 ? "" : view->types[type].name;
}

void trace_history_print(const struct trace_history *history, const struct guest_view *view,
			 const struct symbols *symbols, const char *title, bool with_frames)
{
	char time[TIME_TEXT], state[STATE_TEXT], place[PLACE_TEXT], frame[32] = "";

	for (unsigned i = 0; i < history->count; i++) {
		const struct trace_event *event = &history->events[i];

		if (with_frames)
			snprintf(frame, sizeof(frame), "%#-12" PRIx64 " ", event->pfn * PAGE_SIZE);
		printf("%-9s %8s cpu %-2u %s%-11s %-21s %s%s%s\n", title,
		       time_text(view, event->tsc, history->newest, time), event->cpu, frame,
		       trace_operation_name(event->operation), state_text(event->state, state),
		       place_text(symbols, event->caller, place), event->type < 0 ? "" : " ",
		       type_name(view, event->type));
		title = "";
	}
}

void trace_event_json(struct json_object *object, const struct trace_history *history,
		      unsigned number, const struct guest_view *view, const struct symbols *symbols,
		      bool with_frames)
{
	const struct trace_event *event = &history->events[number];
	uint32_t refs = slot_state_refs(event->state);
	char text[32];
	const char *name;
	uint64_t offset;

	if (with_frames) {
		snprintf(text, sizeof(text), "0x%" PRIx64, event->pfn * PAGE_SIZE);
		json_add_text(object, "frame", text);
	}
	if (view->tsc_khz)
		json_add_number(object, "ago_ns",
				trace_ns_between(view, event->tsc, history->newest));
	json_add_number(object, "tsc", event->tsc);
	json_add_number(object, "cpu", event->cpu);
	json_add_text(object, "operation", trace_operation_name(event->operation));
	json_add_text(object, "state", ref_class_name(ref_classify(refs)));
	if (ref_classify(refs) == REF_CLASS_SHARED)
		json_add_number(object, "references", refs);
	json_add_number(object, "generation", slot_state_generation(event->state));
	if (event->type >= 0)
		json_add_text(object, "type", type_name(view, event->type));
	snprintf(text, sizeof(text), "0x%" PRIx64, event->caller);
	json_add_text(object, "caller", text);
	if (find_caller(symbols, event->caller, &name, &offset)) {
		json_add_text(object, "function", name);
		json_add_number(object, "offset", offset);
	}
}

struct json_object *trace_history_json(const struct trace_history *history,
				       const struct guest_view *view, const struct symbols *symbols,
				       bool with_frames)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < history->count; i++) {
		struct json_object *object = json_object_new_object();

		trace_event_json(object, history, i, view, symbols, with_frames);
		json_object_array_add(array, object);
	}
	return array;
}

void trace_counts_tell(const struct trace_counts *counts)
{
	if (counts->broken || counts->refused)
		fprintf(stderr,
			"pagevisor: the guest's trace is broken: %" PRIu64
			" entries that are none, %" PRIu64 " rings that cannot be\n",
			counts->broken, counts->refused);
}
