/* SPDX-License-Identifier: MPL-2.0 */
/* A model as JSON: see top_json.h. */
#include "view/top/top_json.h"

#include <string.h>

#include "kind/kind.h"
#include "view/breakdown_text.h"
#include "view/coverage.h"
#include "view/holding_text.h"
#include "view/kind_json.h"
#include "view/observation_json.h"

static json *rates_json(const struct top_model *model)
{
	json *rates = json_object_new_object();

	for (unsigned i = 0; i < model->rate_count; i++)
		rates_add_json(rates, model->rates[i].fact->key, model->rates[i].rate);
	return rates;
}

/* Of types that have frames, or had some in the sample before. */
static json *changes_json(const struct top_model *model)
{
	json *changes = json_object_new_object();

	for (unsigned i = 0; i < model->type_count; i++)
		json_add(changes, model->types[i].name, json_signed_number(model->types[i].change));
	return changes;
}

/* Blocks by their size, and frames in the cache of each CPU. */
static json *free_json(const struct free_counts *counts, uint64_t host_frames)
{
	json *object = json_object_new_object(), *blocks = json_object_new_array();
	json *cached = json_object_new_array();

	for (unsigned order = 0; order < counts->orders; order++) {
		json *block = json_object_new_object();

		json_add_number(block, "block_bytes", PAGE_SIZE << order);
		json_add_number(block, "block_count", counts->blocks[order]);
		json_object_array_add(blocks, block);
	}
	for (unsigned cpu = 0; cpu < counts->caches; cpu++)
		json_object_array_add(cached, json_number(counts->cached[cpu]));
	json_add_number(object, "free_frames", free_counts_without(counts, host_frames));
	json_add(object, "blocks", blocks);
	json_add(object, "cached_frames", cached);
	json_add_number(object, "depot_frames", counts->depot);
	json_add_number(object, "host_frames", host_frames);
	return object;
}

static json *callers_json(const struct call_sites *sites)
{
	json *callers = json_object_new_array();

	for (unsigned i = 0; i < sites->count; i++) {
		json *caller = json_object_new_object();

		json_add_hex(caller, "caller", sites->sites[i].caller);
		json_add_text(caller, "place", sites->sites[i].name);
		json_add_number(caller, "trace_events", sites->sites[i].events);
		json_object_array_add(callers, caller);
	}
	return callers;
}

static json *references_json(const struct top_counts *counts)
{
	json *shared = json_object_new_object();

	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		json_add_number(shared, top_bucket_name(i), counts->buckets[i]);
	return shared;
}

static json *row_json(const struct top_rows *rows, uint32_t index)
{
	const struct breakdown_row *row = &rows->table.rows[index];
	json *object = breakdown_name_json(&rows->table, row);

	json_add_members(object, breakdown_figures_json(&rows->table, row->figures, false));
	if (!rows->compared_ns)
		return object;
	json_add(object, "growth_bytes", json_signed_number(rows->growth[index].bytes));
	if (rows->growth[index].is_new)
		json_add_flag(object, "is_new", true);
	return object;
}

/* Those that are not listed, and those that the sample has no more. */
static json *others_json(const struct top_model *model, uint64_t limit)
{
	const struct breakdown *table = &model->sample->rows.table;
	uint64_t sums[BREAKDOWN_FIGURES_MAX];

	memcpy(sums, table->others, sizeof(sums));
	for (uint64_t i = limit; i < model->row_count; i++)
		for (unsigned column = 0; column < table->column_count; column++)
			sums[column] += table->rows[model->rows[i]].figures[column];
	json *others = breakdown_figures_json(table, sums, true);

	json_add_number(others, "row_count", model->row_count - limit + table->other_count);
	return others;
}

static json *rows_json(const struct top_model *model, uint64_t limit)
{
	const struct top_rows *rows = &model->sample->rows;
	json *object = json_object_new_object(), *list = json_object_new_array();
	const uint64_t listed = model->row_count < limit ? model->row_count : limit;

	json_add_text(object, "by", breakdown_names[rows->by]);
	json_add_seconds(object, "took_seconds", rows->took_ns);
	if (!rows->is_known) {
		json_object_put(list);
		json_add_text(object, "problem", rows->problem.text);
		return object;
	}
	if (rows->compared_ns)
		json_add_seconds(object, "growth_seconds", rows->compared_ns);
	for (uint64_t i = 0; i < listed; i++)
		json_object_array_add(list, row_json(rows, model->rows[i]));
	json_add(object, "rows", list);
	if (listed < model->row_count || rows->table.other_count)
		json_add(object, "others", others_json(model, listed));
	json *sums = breakdown_figures_json(&rows->table, rows->table.sums, true);

	if (rows->compared_ns)
		json_add(sums, "growth_bytes", json_signed_number(rows->growth_bytes));
	json_add(object, "sums", sums);
	return object;
}

json *top_json(const struct top_model *model, const struct source *source, uint64_t start_ns,
	       uint64_t limit)
{
	const struct top_sample *sample = model->sample;
	const struct frame_tally *tally = &sample->counts.tally;
	const struct guest *guest = &sample->guest;
	struct coverage coverage = coverage_of(source, guest, tally->reads.unstable);
	json *root = json_object_new_object();

	if (model->event != LIFE_GOES_ON)
		json_add_text(root, "life", life_event_key(model->event));
	json_add_seconds(root, "at_seconds", sample->at_ns - start_ns);
	json_add_text(root, "stage", guest->stage);
	json_add(root, "coverage", coverage_json(&coverage));
	json_add(root, "tally", tally_json(guest, tally));
	if (model->has_changes)
		json_add(root, "changes_by_type", changes_json(model));
	if (guest->kind->has_references)
		json_add(root, "shared_by_references", references_json(&sample->counts));
	holding_add_json(root, &sample->held);
	if (sample->rows.is_asked)
		json_add(root, "breakdown", rows_json(model, limit));
	if (sample->free.is_known)
		json_add(root, "free", free_json(&sample->free, sample->counts.host_frames));
	if (sample->is_traced)
		json_add(root, "callers", callers_json(&sample->sites));
	json_add(root, "reads", reads_json(1, &tally->reads, tally->duration_ns));
	kind_add_members(root, guest->kind, facts_json(&guest->facts));
	if (sample->counters.count)
		kind_add(root, guest->kind, "counters", facts_json(&sample->counters));
	if (model->rate_count)
		kind_add(root, guest->kind, "rates", rates_json(model));
	return root;
}
