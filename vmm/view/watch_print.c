/* SPDX-License-Identifier: MPL-2.0 */
/* What `pagevisor watch` writes: see watch_print.h. */
#include "view/watch_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/address.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/number_text.h"
#include "kind/fields/field_change.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/folded.h"
#include "view/frame_json.h"
#include "view/frame_text.h"

#define INDENT     12 /* of notes that did not fit into their line */
#define TYPE_WIDTH 12 /* at least */
#define NOTE_SIZE  512
#define VALUE_SIZE 160

/* A line that is being written. */
struct line {
	struct folded text;
	bool has_notes;
};

/* Appends a note to the line, or puts it below: whole, if that can be. */
static void put_note(struct line *line, const char *note)
{
	if (line->has_notes)
		folded_put(&line->text, ",");
	folded_keep(&line->text, (unsigned)strlen(note) + 2);
	if (!line->has_notes && line->text.used > INDENT)
		folded_put(&line->text, " ");
	folded_words(&line->text, note);
	line->has_notes = true;
}

static void note_field(void *own, const struct field_change *change)
{
	char note[NOTE_SIZE], before[VALUE_SIZE], now[VALUE_SIZE];

	field_change_text(now, sizeof(now), change, change->now);
	if (change->before) {
		field_change_text(before, sizeof(before), change, change->before);
		snprintf(note, sizeof(note), "%s %s -> %s", change->name, before, now);
	} else {
		snprintf(note, sizeof(note), "%s %s", change->name, now);
	}
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

/* The column of types is as wide as what has come so far: most guests have a long name that hardly any frame has. */
static void fit_type(struct watch_print *print, int type)
{
	int width = (int)strlen(guest_type_name(print->guest, type));

	if (width <= print->type_width)
		return;
	print->type_width = width;
	watch_print_head(print);
}

void watch_print_head(struct watch_print *print)
{
	if (print->type_width == 0)
		print->type_width = TYPE_WIDTH;
	if (print->many)
		printf("%-12s ", "FRAME");
	printf("%10s  %-7s", "SECONDS", "STATE");
	if (print->guest->kind->has_references)
		printf(" %4s", "REFS");
	printf("  %-*s", print->type_width, "TYPE");
	if (print->guest->kind->has_generations)
		printf(" %10s", "GENERATION");
	printf("  CHANGED\n");
}

/* Prints the columns below the head. A column that the kind has no values for is left out. */
static struct line put_columns(struct watch_print *print, uint64_t pfn, int64_t at_ns,
			       const struct frame *frame)
{
	const struct guest *guest = print->guest;
	int64_t since_ns = at_ns - (int64_t)print->start_ns;
	struct line line = {{.out = stdout, .columns = print->columns, .indent = INDENT}, false};
	char references[16] = "-";

	fit_type(print, frame->type);
	if (since_ns > 0 && (uint64_t)since_ns > print->last_ns)
		print->last_ns = (uint64_t)since_ns;
	if (print->many)
		folded_put(&line.text, "0x%-10" PRIx64 " ", pfn * PAGE_SIZE);
	if (frame_has_count(guest, frame))
		snprintf(references, sizeof(references), "%" PRIu32, frame->references);
	folded_put(&line.text, "%10.6f  %-7s", (double)print->last_ns / (double)NS_PER_S,
		   guest_state_name(guest, frame->state));
	if (guest->kind->has_references)
		folded_put(&line.text, " %4s", references);
	folded_put(&line.text, "  %-*s", print->type_width, guest_type_name(guest, frame->type));
	if (guest->kind->has_generations)
		folded_put(&line.text, " %10" PRIu32, frame->generation);
	return line;
}

void watch_print_text(struct watch_print *print, uint64_t pfn, const struct watch_change *change)
{
	struct line line = put_columns(print, pfn, (int64_t)change->at_ns, &change->now->frame);
	char note[NOTE_SIZE];

	if (change->missed) {
		snprintf(note, sizeof(note), "%" PRIu32 " missed", change->missed);
		put_note(&line, note);
	}
	each_field(print, change, note_field, &line);
	folded_end(&line.text);
}

void watch_print_event(struct watch_print *print, const struct frame_event *event, int64_t at_ns,
		       const char *place)
{
	struct line line = put_columns(print, event->pfn, at_ns, &event->after);
	char cpu[16];

	snprintf(cpu, sizeof(cpu), "cpu %u", event->cpu);
	folded_put(&line.text, " ");
	folded_words(&line.text, event->operation);
	folded_words(&line.text, place);
	folded_keep(&line.text, (unsigned)strlen(cpu) + 1);
	folded_words(&line.text, cpu);
	folded_end(&line.text);
}

void watch_print_left_out(const struct watch_print *print, uint64_t pfn, uint64_t events)
{
	if (print->many)
		printf("0x%-10" PRIx64 " ", pfn * PAGE_SIZE);
	printf("%10s  %" PRIu64 " earlier operation%s left out\n", "...", events, plural(events));
}

void watch_print_summary(const struct watch_summary *sum)
{
	double seconds = (double)sum->time_ns / (double)NS_PER_S;

	fprintf(stderr,
		"%.2f s, %" PRIu64 " look%s, %.0f a second, at most %.1f ms apart\n"
		"%" PRIu64 " change%s seen, ",
		seconds, sum->rounds, plural(sum->rounds), (double)sum->rounds / seconds,
		(double)sum->gap_ns / (double)NS_PER_MS, sum->changes, plural(sum->changes));
	if (sum->has_missed)
		fprintf(stderr, "%" PRIu64 " generation%s missed, ", sum->missed,
			plural(sum->missed));
	fprintf(stderr, "%" PRIu64 " look%s unstable\n", sum->unstable, plural(sum->unstable));
	if (!sum->is_traced)
		return;
	fprintf(stderr, "%" PRIu64 " operation%s in the guest's trace", sum->events,
		plural(sum->events));
	if (sum->lost)
		fprintf(stderr, "; %" PRIu64 " on any frames overwritten unread", sum->lost);
	fprintf(stderr, "\n");
}

static void add_changed(void *own, const struct field_change *change)
{
	json *pair = json_object_new_object();

	json_add(pair, "from", field_change_json(change, change->before));
	json_add(pair, "to", field_change_json(change, change->now));
	json_add(own, change->name, pair);
}

static json *changed_json(const struct watch_print *print, const struct watch_change *change)
{
	json *fields = json_object_new_object();

	each_field(print, change, add_changed, fields);
	return fields;
}

int watch_print_json(const struct watch_print *print, uint64_t pfn,
		     const struct watch_change *change)
{
	const struct frame_look *now = change->now;
	json *line = json_object_new_object();

	json_add_seconds(line, "at_seconds", change->at_ns - print->start_ns);
	if (!change->is_first)
		json_add_seconds(line, "after_seconds", change->after_ns - print->start_ns);
	json_add_frame(line, pfn);
	frame_add_json(line, print->guest, &now->frame);
	if (!change->is_first && print->guest->kind->has_generations)
		json_add_number(line, "missed", change->missed);
	if (record_before(print, change))
		json_add(line, "changed", changed_json(print, change));
	else if (guest_frame_is_in_use(print->guest, &now->frame))
		record_add_json(line, print->guest, print->catalog, now->frame.type, now->record);
	return change->is_first ? answer_record("frame", line) : answer_item(line);
}

int watch_print_json_event(const struct watch_print *print, enum life_event event)
{
	json *line = json_object_new_object();

	json_add_text(line, "life", life_event_key(event));
	json_add_seconds(line, "at_seconds", clock_now_ns() - print->start_ns);
	return answer_record("life", line);
}

int watch_print_json_end(const struct watch_summary *summary, int status)
{
	json *end = json_object_new_object();

	json_add_text(end, "reason", summary->reason);
	json_add_seconds(end, "at_seconds", summary->time_ns);
	json_add_number(end, "looks", summary->rounds);
	json_add_seconds(end, "longest_gap_seconds", summary->gap_ns);
	if (summary->has_missed)
		json_add_number(end, "missed", summary->missed);
	json_add_number(end, "unstable", summary->unstable);
	json_add(end, "coverage", coverage_json(&summary->coverage));
	if (summary->is_traced) {
		json_add_number(end, "trace_events", summary->events);
		json_add_number(end, "trace_lost", summary->lost);
	}
	return answer_end(end, status);
}
