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
#include "kind/pagevisor/types/field_change.h"

#define INDENT    12 /* of what a line had no room for */
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

/* One more thing at the end of the line, or below it. */
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

/* What the metadata was before, where that can be compared. */
static const uint64_t *storage_before(const struct frame_change *change)
{
	if (change->is_first || !change->before->is_in_use || (change->differences & FRAME_TYPE))
		return NULL;
	return change->before->copy.storage;
}

/* Where only references or the generation differ, so do no fields. */
static void each_field(const struct watch_print *print, const struct frame_change *change,
		       field_change_fn *found, void *own)
{
	if (change->now->is_in_use)
		field_changes(print->catalog, change->now->type, storage_before(change),
			      change->now->copy.storage, found, own);
}

static const char *type_text(const struct watch_print *print, const struct frame_look *look)
{
	if (!look->is_in_use)
		return "-";
	return look->type < 0 ? "?" : print->view->types[look->type].name;
}

static bool has_references(const struct frame_look *look)
{
	return !look->is_hole &&
	       (look->class == REF_CLASS_SHARED || look->class == REF_CLASS_ILLEGAL);
}

void watch_print_head(const struct watch_print *print)
{
	if (print->many)
		printf("%-12s ", "FRAME");
	printf("%10s  %-8s %5s  %-12s %10s  %s\n", "SECONDS", "STATE", "REFS", "TYPE", "GENERATION",
	       "CHANGED");
}

void watch_print_text(const struct watch_print *print, uint64_t pfn,
		      const struct frame_change *change)
{
	struct line line = {.columns = print->columns};
	const struct frame_look *look = change->now;
	char note[NOTE_SIZE], references[16] = "-";

	if (has_references(look))
		snprintf(references, sizeof(references), "%" PRIu32, look->references);
	if (print->many)
		put(&line, "%#-12" PRIx64 " ", pfn * PAGE_SIZE);
	put(&line, "%10.6f  %-8s %5s  %-12s %10" PRIu32,
	    (double)(change->at_ns - print->start_ns) / (double)NS_PER_S, frame_look_state(look),
	    references, type_text(print, look), look->generation);
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

static void add_look(const struct watch_print *print, struct json_object *line,
		     const struct frame_look *look)
{
	json_add_text(line, "state", frame_look_state(look));
	if (look->is_hole)
		return;
	if (has_references(look))
		json_add_number(line, "references", look->references);
	json_add_number(line, "generation", look->generation);
	if (look->is_in_use && look->type >= 0)
		json_add_text(line, "type", type_text(print, look));
}

int watch_print_json(const struct watch_print *print, uint64_t pfn,
		     const struct frame_change *change)
{
	bool is_new = !storage_before(change);
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
	add_look(print, line, change->now);
	if (!change->is_first)
		json_add_number(line, "missed", change->missed);
	each_field(print, change, is_new ? add_field : add_changed, fields);
	if (change->now->is_in_use)
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
	json_add_number(line, "missed", summary->missed);
	json_add_number(line, "unstable", summary->unstable);
	if (summary->is_traced) {
		json_add_number(line, "trace_events", summary->events);
		json_add_number(line, "trace_lost", summary->lost);
	}
	return json_print_line(line);
}
