/* SPDX-License-Identifier: MPL-2.0 */
/* A model as JSON: see top_json.h. */
#include "view/top/top_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/kind.h"
#include "view/observation_json.h"

static void add_rates(json *root, const struct top_model *model)
{
	json *object = json_object_new_object();

	for (unsigned i = 0; i < model->rate_count; i++)
		json_object_object_add(object, model->rates[i].fact->key,
				       json_object_new_double(model->rates[i].rate));
	json_object_object_add(root, "rates", object);
}

/* Types that have frames, or had some in the sample before. */
static void add_types(json *root, const struct top_model *model)
{
	json *types = json_object_new_object();
	json *changes = model->has_changes ? json_object_new_object() : NULL;

	for (unsigned i = 0; i < model->type_count; i++) {
		const struct top_type *type = &model->types[i];

		json_add_number(types, type->name, type->frames);
		if (changes)
			json_object_object_add(changes, type->name,
					       json_object_new_int64(type->change));
	}
	json_object_object_add(root, "types", types);
	if (changes)
		json_object_object_add(root, "changes", changes);
}

/* Blocks by their size in bytes, and frames in the cache of each CPU. */
static void add_free(json *root, const struct free_counts *counts)
{
	json *object = json_object_new_object(), *blocks = json_object_new_object();
	json *cached = json_object_new_array();
	char size[24]; /* any 64-bit number */

	json_add_number(object, "frames", counts->free_frames);
	for (unsigned order = 0; order < counts->orders; order++) {
		snprintf(size, sizeof(size), "%" PRIu64, PAGE_SIZE << order);
		json_add_number(blocks, size, counts->blocks[order]);
	}
	json_object_object_add(object, "blocks", blocks);
	for (unsigned cpu = 0; cpu < counts->caches; cpu++)
		json_object_array_add(cached, json_object_new_uint64(counts->cached[cpu]));
	json_object_object_add(object, "cached", cached);
	json_add_number(object, "depot", counts->depot);
	json_object_object_add(root, "free", object);
}

static void add_callers(json *root, const struct call_sites *sites)
{
	json *callers = json_object_new_array();

	for (unsigned i = 0; i < sites->count; i++) {
		json *caller = json_object_new_object();

		json_add_text(caller, "name", sites->sites[i].name);
		json_add_number(caller, "events", sites->sites[i].events);
		json_object_array_add(callers, caller);
	}
	json_object_object_add(root, "callers", callers);
}

static void add_references(json *root, const struct top_counts *counts)
{
	json *shared = json_object_new_object();

	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		json_add_number(shared, top_bucket_name(i), counts->buckets[i]);
	json_object_object_add(root, "shared_by_references", shared);
}

json *top_json(const struct top_model *model, const char *name)
{
	const struct top_sample *sample = model->sample;
	const struct frame_tally *tally = &sample->counts.tally;
	json *root = json_object_new_object();

	json_add_text(root, "name", name);
	json_add_text(root, "stage", sample->guest.stage);
	json_add_number(root, "at_ns", sample->at_ns);
	if (sample->counters.count)
		json_object_object_add(root, "work", facts_json(&sample->counters));
	if (model->rate_count)
		add_rates(root, model);
	json_object_object_add(
		root, "frames",
		frames_json(&sample->guest, tally->states, tally->references, tally->holes));
	add_types(root, model);
	if (sample->free.is_known)
		add_free(root, &sample->free);
	if (sample->is_traced)
		add_callers(root, &sample->sites);
	if (sample->guest.kind->has_references)
		add_references(root, &sample->counts);
	json_add_number(root, "slots_read", tally->reads.slots);
	json_add_number(root, "retried", tally->reads.retries);
	json_add_number(root, "given_up", tally->reads.unstable);
	json_add_number(root, "scan_ns", tally->duration_ns);
	return root;
}
