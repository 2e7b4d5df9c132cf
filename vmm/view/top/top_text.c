/* SPDX-License-Identifier: MPL-2.0 */
/* A model as plain text: see top_text.h. */
#include "view/top/top_text.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/breakdown_text.h"
#include "view/coverage.h"
#include "view/holding_text.h"
#include "view/observation_text.h"
#include "view/top/top_row_text.h"

#define NAME_WIDTH 16 /* of what is counted, at least */

static void print_rates(const struct top_model *model, FILE *out)
{
	char text[NUMBER_TEXT_SIZE];
	unsigned printed = 0;

	for (unsigned i = 0; i < model->rate_count; i++) {
		const struct top_rate *rate = &model->rates[i];

		if (!(rate->fact->use & FACT_IN_REPORT))
			continue;
		fprintf(out, "%s%s %s/s", printed ? ", " : "rates     ", rate->fact->label,
			number_text(text, rate->rate));
		printed++;
	}
	if (printed)
		fprintf(out, "\n");
}

static void print_frames(const struct top_model *model, FILE *out)
{
	const struct top_sample *sample = model->sample;
	const char *separator = ":";
	const int width = guest_type_width(&sample->guest, NAME_WIDTH);

	print_frame_count(&sample->guest, out);
	for (unsigned i = 0; i < sample->guest.kind->state_count; i++)
		if (sample->counts.tally.states[i]) {
			fprintf(out, "%s %" PRIu64 " %s", separator, sample->counts.tally.states[i],
				guest_state_name(&sample->guest, i));
			separator = ",";
		}
	fprintf(out, "\n");
	for (unsigned i = 0; i < model->type_count; i++) {
		fprintf(out, "          %-*s %10" PRIu64, width, model->types[i].name,
			model->types[i].frames);
		if (model->has_changes)
			fprintf(out, " %+10" PRId64, model->types[i].change);
		fprintf(out, "\n");
	}
}

/* The allocator's own counts: blocks by size, frames in caches. Frames of the host may still be in them. */
static void print_allocator(const struct top_sample *sample, FILE *out)
{
	const struct free_counts *counts = &sample->free;
	const uint64_t host_frames = sample->counts.host_frames;
	const int width = guest_type_width(&sample->guest, NAME_WIDTH);
	char size[MAP_SIZE_TEXT];

	if (!counts->is_known) {
		fprintf(out, "free      not known: %s\n", counts->why.text);
		return;
	}
	fprintf(out, "free      about %" PRIu64 " frames, by the allocator's counts",
		free_counts_without(counts, host_frames));
	if (host_frames)
		fprintf(out, " less %" PRIu64 " that the host has", host_frames);
	fprintf(out, "\n");
	for (unsigned order = 0; order < counts->orders; order++)
		if (counts->blocks[order])
			fprintf(out, "          blocks of %-6s%*s %10" PRIu64 "\n",
				map_size_text(size, PAGE_SIZE << order), width - NAME_WIDTH, "",
				counts->blocks[order]);
	for (unsigned cpu = 0; cpu < counts->caches; cpu++)
		fprintf(out, "          cache of cpu %-3u%*s %10" PRIu64 "\n", cpu,
			width - NAME_WIDTH, "", counts->cached[cpu]);
	fprintf(out, "          %-*s %10" PRIu64 "\n", width, "depot", counts->depot);
}

static void print_references(const struct top_counts *counts, FILE *out)
{
	fprintf(out, "references");
	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		fprintf(out, "%s %s: %" PRIu64, i ? "," : "", top_bucket_name(i),
			counts->buckets[i]);
	fprintf(out, "\n");
}

static void print_rows(const struct top_model *model, uint64_t limit, FILE *out)
{
	const struct top_rows *rows = &model->sample->rows;
	char line[TOP_ROW_LINE];

	if (!rows->is_known) {
		fprintf(out, "by %s: not known: %s\n", breakdown_names[rows->by],
			rows->problem.text);
		return;
	}
	const struct top_row_layout layout = top_row_layout(model, BREAKDOWN_TABLE_WIDTH);

	fprintf(out, "%s\n", top_row_heading(model, &layout, line));
	for (uint32_t i = 0; i < model->row_count && i < limit; i++)
		fprintf(out, "%s\n", top_row_line(model, &layout, i, line));
	const uint64_t others = rows->table.other_count +
				(model->row_count > limit ? model->row_count - limit : 0);

	fprintf(out, "%s", top_row_sums(model, &layout, line));
	if (others)
		fprintf(out, ", with %" PRIu64 " other%s", others, plural(others));
	fprintf(out, "\n");
}

/* What is in use, by type and by other things that its kind counts. */
static void print_counts(const struct top_model *model, FILE *out)
{
	const struct top_sample *sample = model->sample;
	const struct kind *kind = sample->guest.kind;

	print_frames(model, out);
	if (kind->free_counts)
		print_allocator(sample, out);
	for (unsigned i = 0; i < sample->sites.count; i++)
		fprintf(out, "%-9s %-40s %10" PRIu64 "\n", i ? "" : "callers",
			sample->sites.sites[i].name, sample->sites.sites[i].events);
	if (kind->has_references)
		print_references(&sample->counts, out);
}

void top_print(const struct top_model *model, const struct source *source, uint64_t limit,
	       FILE *out)
{
	const struct top_sample *sample = model->sample;
	const struct frame_tally *tally = &sample->counts.tally;
	struct coverage coverage = coverage_of(source, &sample->guest, tally->reads.unstable);

	coverage_print(&coverage, NULL, out);
	fprintf(out, "vm        %s, %s\n", source->name, sample->guest.stage);
	print_rates(model, out);
	if (!sample->rows.is_asked)
		print_counts(model, out);
	holding_print(&sample->held, out);
	if (sample->rows.is_asked)
		print_rows(model, limit, out);
	fprintf(out,
		"scan      %" PRIu64 " slots in %.2f ms, %" PRIu64 " retried, %" PRIu64
		" given up\n",
		tally->reads.slots, (double)tally->duration_ns / (double)NS_PER_MS,
		tally->reads.retries, tally->reads.unstable);
}
