/* SPDX-License-Identifier: MPL-2.0 */
/* What `pagevisor watch` writes: see watch_print.h. */
#include "view/watch_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/json.h"
#include "kind/fields/field_change.h"
#include "kind/kind.h"
#include "view/frame_text.h"

#define INDENT    12 /* of notes that did not fit into their line */
#define NOTE_SIZE 512

/* A line that is being written. */
struct line {
	unsigned columns;
	unsigned length;
	bool has_notes;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vprintf(format, arguments);

	va_end(arguments);
	line->length += length > 0 ? (unsigned)length : 0;
}

/* Appends a note to the line, or puts it below. */
static void put_note(struct line *line, const char *note)
{
	unsigned length = (unsigned)strlen(note) + 2;

	if (line->has_notes)
		put(line, ",");
	if (line->columns && line->length + length > line->columns) {
		printf("\n%*s", INDENT, "");
		line->length = INDENT;
	} else {
		put(line, line->has_notes ? " " : "  ");
	}
	put(line, "%s", note);
	line->has_notes = true;
}

static const char *value_text(struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
}

static void note_field(void *own, const char *name, struct json_object *before,
		       struct json_object *now)
{
	char note[NOTE_SIZE];

	if (before)
		snprintf(note, sizeof(note), "%s %s -> %s", name, value_text(before),
			 value_text(now));
	else
		snprintf(note, sizeof(note), "%s %s", name, value_text(now));
	put_note(own, note);
}

/* The metadata before the change, if the two can be compared. */
static const void *record_before(const struct watch_print *print, const struct watch_change *change)
{
	if (change->is_first || !guest_frame_is_in_use(print->guest, &change->before->frame) ||
	    (change->differences & WATCH_TYPE))
		return NULL;
	return change->before->record;
}

/* If only references or the generation differ, no fields do. */
static void each_field(const struct watch_print *print, const struct watch_change *change,
		       field_change_fn *found, void *own)
{
	const struct frame_look *now = change->now;

	if (guest_frame_is_in_use(print->guest, &now->frame))
		field_changes(print->catalog, now->frame.type, record_before(print, change),
			      now->record, found, own);
}

void watch_print_head(const struct watch_print *print)
{
	if (print->many)
		printf("%-12s ", "FRAME");
	printf("%10s  %-8s", "SECONDS", "STATE");
	if (print->guest->kind->has_references)
		printf(" %5s", "REFS");
	printf("  %-12s", "TYPE");
	if (print->guest->kind->has_generations)
		printf(" %10s", "GENERATION");
	printf("  CHANGED\n");
}

/* Prints the columns below the head. A column that the kind has no values for is left out. */
static void put_columns(const struct watch_print *print, struct line *line, uint64_t time_ns,
			const struct frame *frame)
{
	const struct guest *guest = print->guest;
	char references[16] = "-";

	if (frame_has_count(guest, frame))
		snprintf(references, sizeof(references), "%" PRIu32, frame->references);
	put(line, "%10.6f  %-8s", (double)time_ns / (double)NS_PER_S,
	    guest_state_name(guest, frame->state));
	if (guest->kind->has_references)
		put(line, " %5s", references);
	put(line, "  %-12s", guest_type_name(guest, frame->type));
	if (guest->kind->has_generations)
		put(line, " %10" PRIu32, frame->generation);
}

void watch_print_text(const struct watch_print *print, uint64_t pfn,
		      const struct watch_change *change)
{
	struct line line = {.columns = print->columns};
	char note[NOTE_SIZE];

	if (print->many)
		put(&line, "%#-12" PRIx64 " ", pfn * PAGE_SIZE);
	put_columns(print, &line, change->at_ns - print->start_ns, &change->now->frame);
	if (change->missed) {
		snprintf(note, sizeof(note), "%" PRIu32 " missed", change->missed);
		put_note(&line, note);
	}
	each_field(print, change, note_field, &line);
	printf("\n");
}

static void add_changed(void *own, const char *name, struct json_object *before,
			struct json_object *now)
{
	struct json_object *pair = json_object_new_object();

	json_object_object_add(pair, "from", json_object_get(before));
	json_object_object_add(pair, "to", json_object_get(now));
	json_object_object_add(own, name, pair);
}

static void add_field(void *own, const char *name, struct json_object *before,
		      struct json_object *now)
{
	(void)before;
	json_object_object_add(own, name, json_object_get(now));
}

int watch_print_json(const struct watch_print *print, uint64_t pfn,
		     const struct watch_change *change)
{
	bool is_new = !record_before(print, change);
	struct json_object *line = json_object_new_object();
	struct json_object *fields = json_object_new_object();
	char frame[32];

	snprintf(frame, sizeof(frame), "0x%" PRIx64, pfn * PAGE_SIZE);
	json_add_text(line, "event", change->is_first ? "first" : "change");
	json_add_number(line, "time_ns", change->at_ns - print->start_ns);
	if (!change->is_first)
		json_add_number(line, "after_ns", change->after_ns - print->start_ns);
	json_add_text(line, "frame", frame);
	json_add_number(line, "pfn", pfn);
	frame_add_json(line, print->guest, &change->now->frame);
	if (!change->is_first && print->guest->kind->has_generations)
		json_add_number(line, "missed", change->missed);
	each_field(print, change, is_new ? add_field : add_changed, fields);
	if (guest_frame_is_in_use(print->guest, &change->now->frame))
		json_object_object_add(line, is_new ? "fields" : "changed", fields);
	else
		json_object_put(fields);
	return json_print_line(line);
}

int watch_print_json_end(const struct watch_summary *summary)
{
	struct json_object *line = json_object_new_object();

	json_add_text(line, "event", "end");
	json_add_text(line, "reason", summary->reason);
	json_add_number(line, "time_ns", summary->time_ns);
	json_add_number(line, "looks", summary->rounds);
	json_add_number(line, "longest_gap_ns", summary->gap_ns);
	json_add_number(line, "changes", summary->changes);
	if (summary->has_missed)
		json_add_number(line, "missed", summary->missed);
	json_add_number(line, "unstable", summary->unstable);
	if (summary->is_traced) {
		json_add_number(line, "trace_events", summary->events);
		json_add_number(line, "trace_lost", summary->lost);
	}
	return json_print_line(line);
}
