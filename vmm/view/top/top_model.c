/* SPDX-License-Identifier: MPL-2.0 */
/* What is shown, derived from samples: see top_model.h. */
#include "view/top/top_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"

static void update_rates(struct top_model *model, const struct top_sample *before,
			 const struct top_sample *now)
{
	model->rate_count = 0;
	if (!before || before->counters.count == 0 || now->at_ns <= before->at_ns)
		return;
	for (unsigned i = 0; i < now->counters.count; i++) {
		const struct fact *fact = &now->counters.list[i];
		struct top_rate rate = {.fact = fact};

		/* A counter that fell has no rate. */
		if (fact->use & FACT_AS_RATE &&
		    counter_rate(facts_value(&before->counters, fact->key), fact->value,
				 now->at_ns - before->at_ns, &rate.rate))
			model->rates[model->rate_count++] = rate;
	}
}

/* Whether two samples counted the same things. */
static bool is_comparable(const struct top_sample *before, const struct top_sample *now)
{
	if (before->guest.kind != now->guest.kind ||
	    before->guest.type_count != now->guest.type_count ||
	    strcmp(before->filter, now->filter) != 0)
		return false;
	for (unsigned i = 0; i < now->guest.type_count; i++)
		if (strcmp(before->guest.types[i].name, now->guest.types[i].name) != 0)
			return false;
	return true;
}

static void add_type(struct top_model *model, const char *name, int index, uint64_t frames,
		     uint64_t before)
{
	struct top_type *type = &model->types[model->type_count];

	if (frames == 0 && (!model->has_changes || before == 0))
		return;
	snprintf(type->name, sizeof(type->name), "%s", name);
	type->type = index;
	type->frames = frames;
	type->change = model->has_changes ? (int64_t)(frames - before) : 0;
	model->type_count++;
}

void top_model_update(struct top_model *model, const struct top_sample *before,
		      const struct top_sample *now, enum top_sort sort)
{
	static const struct top_counts nothing;

	model->event = LIFE_GOES_ON;
	if (before && before->boot != now->boot) {
		model->event = now->event;
		before = NULL;
	}
	const struct top_counts *old = before ? &before->counts : &nothing;

	model->sample = now;
	update_rates(model, before, now);
	model->has_changes = before && is_comparable(before, now);
	model->type_count = 0;
	for (unsigned i = 0; i < now->guest.type_count; i++)
		add_type(model, now->guest.types[i].name, (int)i, now->counts.tally.types[i],
			 old->tally.types[i]);
	add_type(model, "(wild)", FRAME_TYPE_WILD, now->counts.wild, old->wild);
	model->retries += now->counts.tally.reads.retries;
	model->unstable += now->counts.tally.reads.unstable;
	top_model_sort(model, sort);
}

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct top_type *)left)->name,
		      ((const struct top_type *)right)->name);
}

/* Greater first, then by name, so that equal entries keep their places. */
static int descending(uint64_t left, uint64_t right, const void *a, const void *b)
{
	return left != right ? (left < right ? 1 : -1) : by_name(a, b);
}

static int by_count(const void *left, const void *right)
{
	return descending(((const struct top_type *)left)->frames,
			  ((const struct top_type *)right)->frames, left, right);
}

static int by_change(const void *left, const void *right)
{
	return descending((uint64_t)llabs(((const struct top_type *)left)->change),
			  (uint64_t)llabs(((const struct top_type *)right)->change), left, right);
}

void top_model_sort(struct top_model *model, enum top_sort sort)
{
	static int (*const orders[TOP_SORTS])(const void *, const void *) = {
		[TOP_BY_COUNT] = by_count, [TOP_BY_NAME] = by_name, [TOP_BY_CHANGE] = by_change};

	qsort(model->types, model->type_count, sizeof(model->types[0]), orders[sort]);
}

const char *top_sort_name(enum top_sort sort)
{
	static const char *const names[TOP_SORTS] = {
		[TOP_BY_COUNT] = "count", [TOP_BY_NAME] = "name", [TOP_BY_CHANGE] = "change"};

	return names[sort];
}

uint8_t top_map_merge(const struct map_image *map, uint64_t first, uint64_t count)
{
	uint64_t cells = (uint64_t)map->grid.columns * map->grid.rows;
	uint64_t seen[MAP_CLASSES_MAX] = {0};
	uint8_t best = MAP_NO_CLASS;

	for (uint64_t i = first; i < first + count && i < cells; i++) {
		uint8_t class = map->cells[i];

		if (class == MAP_NO_CLASS)
			break;
		if (map->classes[class].is_broken)
			return class;
		seen[class]++;
		if (best == MAP_NO_CLASS || seen[class] > seen[best])
			best = class;
	}
	return best;
}

bool top_map_has_mark(const struct map_image *map, uint64_t first, uint64_t count)
{
	uint64_t cells = (uint64_t)map->grid.columns * map->grid.rows;

	for (uint64_t i = first; i < first + count && i < cells; i++)
		if (map->marks[i])
			return true;
	return false;
}

uint64_t top_map_factor(const struct map_image *map, uint64_t room)
{
	uint64_t cells = (map->frame_count - 1) / map->grid.frames_per_cell + 1;
	uint64_t factor = 1;

	while (room > 0 && (cells - 1) / factor + 1 > room)
		factor *= 2;
	return factor;
}
