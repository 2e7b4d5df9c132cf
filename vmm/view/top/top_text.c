/* SPDX-License-Identifier: MPL-2.0 */
/* A model as plain text: see top_text.h. */
#include "view/top/top_text.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/number_text.h"

static void print_rates(const struct top_model *model, FILE *out)
{
	char steps[NUMBER_TEXT_SIZE], up[NUMBER_TEXT_SIZE], down[NUMBER_TEXT_SIZE];

	if (model->has_rates)
		fprintf(out, "rates     steps %s/s, allocated %s/s, freed %s/s\n",
			number_text(steps, model->rates.steps),
			number_text(up, model->rates.allocations),
			number_text(down, model->rates.frees));
}

/* What the allocator says of itself: blocks by their size, frames in caches. */
static void print_allocator(const struct allocator_counts *counts, FILE *out)
{
	char size[MAP_SIZE_TEXT];

	if (!counts->is_known) {
		fprintf(out, "free      not known: %s\n", counts->why.text);
		return;
	}
	fprintf(out, "free      about %" PRIu64 " frames, by the allocator's counts\n",
		counts->free_frames);
	for (unsigned order = 0; order < counts->orders; order++)
		if (counts->blocks[order])
			fprintf(out, "          blocks of %-6s %10" PRIu64 "\n",
				map_size_text(size, PAGE_SIZE << order), counts->blocks[order]);
	for (unsigned cpu = 0; cpu < counts->caches; cpu++)
		fprintf(out, "          cache of cpu %-3u %10" PRIu64 "\n", cpu,
			counts->cached[cpu]);
	fprintf(out, "          %-16s %10" PRIu64 "\n", "depot", counts->depot);
}

void top_print(const struct top_model *model, const char *name, FILE *out)
{
	const struct top_sample *sample = model->sample;
	const struct top_counts *counts = &sample->counts;
	const char *separator = ":";

	fprintf(out, "vm        %s, %s\n", name, boot_stage_name(sample->view.stage));
	print_rates(model, out);
	fprintf(out, "frames    %" PRIu64, sample->view.slot_count);
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		if (counts->frames[i]) {
			fprintf(out, "%s %" PRIu64 " %s", separator, counts->frames[i],
				ref_class_name(i));
			separator = ",";
		}
	fprintf(out, "\n");
	for (unsigned i = 0; i < model->type_count; i++) {
		fprintf(out, "          %-16s %10" PRIu64, model->types[i].name,
			model->types[i].frames);
		if (model->has_changes)
			fprintf(out, " %+10" PRId64, model->types[i].change);
		fprintf(out, "\n");
	}
	print_allocator(&sample->allocator, out);
	for (unsigned i = 0; i < sample->sites.count; i++)
		fprintf(out, "%-9s %-40s %10" PRIu64 "\n", i ? "" : "callers",
			sample->sites.sites[i].name, sample->sites.sites[i].events);
	fprintf(out, "references");
	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		fprintf(out, "%s %s: %" PRIu64, i ? "," : "", top_bucket_name(i),
			counts->buckets[i]);
	fprintf(out,
		"\nscan      %" PRIu64 " slots in %.2f ms, %" PRIu64 " retried, %" PRIu64
		" given up\n",
		sample->reads.slots, (double)sample->duration_ns / (double)NS_PER_MS,
		sample->reads.retries, sample->reads.unstable);
}
