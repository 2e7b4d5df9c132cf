/* SPDX-License-Identifier: MPL-2.0 */
/* A model as JSON: see top_json.h. */
#include "view/top/top_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "view/observation.h"

static void add_rates(json *root, const struct top_rates *rates)
{
	json *object = json_object_new_object();

	json_object_object_add(object, "steps", json_object_new_double(rates->steps));
	json_object_object_add(object, "allocations", json_object_new_double(rates->allocations));
	json_object_object_add(object, "frees", json_object_new_double(rates->frees));
	json_object_object_add(object, "refusals", json_object_new_double(rates->refusals));
	json_object_object_add(root, "rates", object);
}

/* Those that have frames, or had some before. */
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

/* Blocks by their bytes, frames in the cache of each CPU. */
static void add_free(json *root, const struct allocator_counts *counts)
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

static void add_callers(json *root, const struct trace_sites *sites)
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

json *top_json(const struct top_model *model, const char *name)
{
	const struct top_sample *sample = model->sample;
	const struct top_counts *counts = &sample->counts;
	json *root = json_object_new_object(), *shared = json_object_new_object();

	json_add_text(root, "name", name);
	json_add_text(root, "stage", boot_stage_name(sample->view.stage));
	json_add_number(root, "at_ns", sample->at_ns);
	if (sample->has_counters)
		json_object_object_add(root, "work", observation_work_json(&sample->counters));
	if (model->has_rates)
		add_rates(root, &model->rates);
	json_object_object_add(root, "frames",
			       observation_frames_json(sample->view.slot_count, counts->frames,
						       counts->references, counts->holes));
	add_types(root, model);
	if (sample->allocator.is_known)
		add_free(root, &sample->allocator);
	if (sample->is_traced)
		add_callers(root, &sample->sites);
	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		json_add_number(shared, top_bucket_name(i), counts->buckets[i]);
	json_object_object_add(root, "shared_by_references", shared);
	json_add_number(root, "slots_read", sample->reads.slots);
	json_add_number(root, "retried", sample->reads.retries);
	json_add_number(root, "given_up", sample->reads.unstable);
	json_add_number(root, "scan_ns", sample->duration_ns);
	return root;
}
