/* SPDX-License-Identifier: MPL-2.0 */
/* What is shown, derived from samples: see top_model.h. */
#include "view/top/top_model.h"

#include <fnmatch.h>
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

/* A name may be as long as a path. */
#define ROW_NAME_SIZE 8192

bool top_row_matches(const struct breakdown_row *row, const char *filter)
{
	const char *name = row->name ? row->name : "unknown";
	const size_t length = strlen(filter);
	char text[ROW_NAME_SIZE];

	if (length == 0)
		return true;
	if (filter[0] == '"') {
		const bool is_closed = length > 1 && filter[length - 1] == '"';

		snprintf(text, sizeof(text), "%.*s", (int)length - 1 - is_closed, filter + 1);
		return fnmatch(text, name, 0) == 0;
	}
	if (strpbrk(filter, "*?["))
		return row->name ? breakdown_row_is_named(row, filter)
				 : fnmatch(filter, name, 0) == 0;
	snprintf(text, sizeof(text), "%s%s%s", row->group, row->group[0] ? " " : "", name);
	return strstr(text, filter) != NULL;
}

static int rows_by_name(const struct breakdown_row *a, const struct breakdown_row *b)
{
	int order = strcmp(a->group, b->group);

	/* What is not known comes last. */
	if (order == 0)
		order = a->name && b->name ? strcmp(a->name, b->name) : !a->name - !b->name;
	return order ? order : (a->key > b->key) - (a->key < b->key);
}

static const struct breakdown_row *row_at(const struct top_rows *rows, const void *index)
{
	return &rows->table.rows[*(const uint32_t *)index];
}

static int order_by_name(const void *a, const void *b, void *own)
{
	return rows_by_name(row_at(own, a), row_at(own, b));
}

static int order_by_size(const void *a, const void *b, void *own)
{
	const struct breakdown_row *left = row_at(own, a), *right = row_at(own, b);

	if (left->figures[0] != right->figures[0])
		return left->figures[0] < right->figures[0] ? 1 : -1;
	return rows_by_name(left, right);
}

/* What grew is what somebody looks for: before what shrank as much. */
static int order_by_growth(const void *a, const void *b, void *own)
{
	const struct top_rows *rows = own;
	const int64_t left = rows->growth[*(const uint32_t *)a].bytes;
	const int64_t right = rows->growth[*(const uint32_t *)b].bytes;

	if (llabs(left) != llabs(right))
		return llabs(left) < llabs(right) ? 1 : -1;
	if (left != right)
		return left < right ? 1 : -1;
	return order_by_size(a, b, own);
}

static void sum_row(struct top_model *model, uint32_t index)
{
	const struct top_rows *rows = &model->sample->rows;

	for (unsigned i = 0; i < rows->table.column_count; i++)
		model->row_sums[i] += rows->table.rows[index].figures[i];
	model->row_growth += rows->growth[index].bytes;
}

static void list_rows(struct top_model *model, enum top_sort sort)
{
	static int (*const orders[TOP_SORTS])(const void *, const void *,
					      void *) = {[TOP_BY_COUNT] = order_by_size,
							 [TOP_BY_NAME] = order_by_name,
							 [TOP_BY_CHANGE] = order_by_growth};

	model->row_count = 0;
	model->row_growth = 0;
	memset(model->row_sums, 0, sizeof(model->row_sums));
	if (!model->sample || !model->sample->rows.is_known)
		return;
	const struct breakdown *table = &model->sample->rows.table;

	for (uint32_t i = 0; i < table->row_count; i++)
		if (top_row_matches(&table->rows[i], model->row_filter)) {
			model->rows[model->row_count++] = i;
			sum_row(model, i);
		}
	if (model->row_count > 1)
		qsort_r(model->rows, model->row_count, sizeof(model->rows[0]), orders[sort],
			(void *)&model->sample->rows);
}

void top_model_sort(struct top_model *model, enum top_sort sort)
{
	static int (*const orders[TOP_SORTS])(const void *, const void *) = {
		[TOP_BY_COUNT] = by_count, [TOP_BY_NAME] = by_name, [TOP_BY_CHANGE] = by_change};

	qsort(model->types, model->type_count, sizeof(model->types[0]), orders[sort]);
	list_rows(model, sort);
}

void top_model_filter_rows(struct top_model *model, const char *filter, enum top_sort sort)
{
	snprintf(model->row_filter, sizeof(model->row_filter), "%s", filter);
	list_rows(model, sort);
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
