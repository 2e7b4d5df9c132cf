/* SPDX-License-Identifier: MPL-2.0 */
/* One look at a guest: see top_sample.h. */
#include "view/top/top_sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kind/pagevisor/slot_walk.h"
#include "view/top/top_filter.h"

#define COLUMNS_MIN 8

struct gatherer {
	const struct guest_view *view;
	const struct expression *filter; /* NULL: all frames */
	const bool *stop;
	struct top_sample *sample;
	/* The chunk at hand. */
	struct top_counts counts;
	struct read_counters reads;
};

unsigned top_bucket(uint32_t references)
{
	unsigned bucket = 0;

	while (bucket + 1 < TOP_BUCKETS && references > UINT32_C(1) << bucket)
		bucket++;
	return bucket;
}

const char *top_bucket_name(unsigned bucket)
{
	static const char *const names[TOP_BUCKETS] = {"1",    "2",     "3-4",   "5-8",
						       "9-16", "17-32", "33-64", "65+"};

	return names[bucket];
}

/* Powers of two, and three times one: rows of 48 or 96 cells have round addresses, too. */
struct map_grid top_map_grid(uint64_t slots, unsigned columns, unsigned rows)
{
	struct map_grid best = {.frames_per_cell = UINT64_MAX};

	for (unsigned power = COLUMNS_MIN; power <= columns; power *= 2) {
		struct map_grid grid = map_grid_fit(slots, power, rows);

		if (grid.frames_per_cell <= best.frames_per_cell)
			best = grid;
		if (power * 3 / 2 > columns)
			continue;
		grid = map_grid_fit(slots, power * 3 / 2, rows);
		if (grid.frames_per_cell < best.frames_per_cell)
			best = grid;
	}
	return best;
}

static bool is_meant(const struct gatherer *gatherer, const struct expression_slot *slot)
{
	return !gatherer->filter || expression_matches(gatherer->filter, slot);
}

static void count(struct top_counts *counts, uint64_t state, int type)
{
	enum ref_class class = ref_classify(slot_state_refs(state));

	counts->matches++;
	counts->frames[class]++;
	if (class == REF_CLASS_SHARED) {
		counts->references += slot_state_refs(state);
		counts->buckets[top_bucket(slot_state_refs(state))]++;
	} else if (class == REF_CLASS_UNIQUE) {
		counts->references++;
	}
	if (type >= 0)
		counts->types[type]++;
	else if (type == SLOT_TYPE_WILD)
		counts->wild++;
}

static void look_at(struct gatherer *gatherer, const struct meta_slot *slot, pfn_t frame)
{
	struct slot_copy copy = {.state = slot_read_state(slot)};
	int type = SLOT_TYPE_NONE;

	if (ref_in_use(slot_state_refs(copy.state))) {
		switch (slot_read(slot, &copy, &gatherer->reads)) {
		case SLOT_READ_OK:
			type = guest_view_type(gatherer->view, copy.vtable_ptr);
			type = type < 0 ? SLOT_TYPE_WILD : type;
			break;
		case SLOT_READ_NOT_IN_USE:
			break;
		case SLOT_READ_UNSTABLE:
			return;
		}
	}
	const struct expression_slot seen = {
		.frame = frame, .state = copy.state, .type = type, .storage = copy.storage};

	if (is_meant(gatherer, &seen))
		count(&gatherer->counts, copy.state, type);
}

static void begin_chunk(void *own)
{
	struct gatherer *gatherer = own;

	gatherer->counts = (struct top_counts){0};
	gatherer->reads = (struct read_counters){0};
}

static void look_at_slots(void *own, const struct meta_slot *slots, pfn_t first, uint64_t number)
{
	struct gatherer *gatherer = own;

	gatherer->reads.slots += number;
	for (uint64_t i = 0; i < number; i++)
		look_at(gatherer, &slots[i], pfn(first.index + i));
}

static void count_hole(void *own, pfn_t first, uint64_t number)
{
	struct gatherer *gatherer = own;

	(void)first;
	gatherer->counts.holes += number;
}

static void count_unstable(void *own, pfn_t first, uint64_t number)
{
	struct gatherer *gatherer = own;

	(void)first;
	gatherer->reads.slots += number;
	gatherer->reads.unstable += number;
}

static void count_retried(void *own, uint64_t copies)
{
	struct gatherer *gatherer = own;

	gatherer->reads.retries += copies;
}

static void add_counts(struct top_counts *sum, const struct top_counts *part)
{
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		sum->frames[i] += part->frames[i];
	for (unsigned i = 0; i < META_TYPES_MAX; i++)
		sum->types[i] += part->types[i];
	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		sum->buckets[i] += part->buckets[i];
	sum->wild += part->wild;
	sum->references += part->references;
	sum->matches += part->matches;
	sum->holes += part->holes;
}

static int keep_chunk(void *own)
{
	struct gatherer *gatherer = own;

	add_counts(&gatherer->sample->counts, &gatherer->counts);
	read_counters_add(&gatherer->sample->reads, &gatherer->reads);
	return __atomic_load_n(gatherer->stop, __ATOMIC_RELAXED) ? -ECANCELED : 0;
}

static int lose_chunk(void *own, pfn_t first, uint64_t number)
{
	struct gatherer *gatherer = own;

	(void)first;
	gatherer->sample->reads.slots += number;
	gatherer->sample->reads.unstable += number;
	return 0;
}

static int gather(const struct guest_memory *memory, const struct expression *filter,
		  const bool *stop, struct top_sample *sample)
{
	static const struct slot_visitor visitor = {
		.begin = begin_chunk,
		.slots = look_at_slots,
		.hole = count_hole,
		.unstable = count_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct gatherer gatherer = {
		.view = &sample->view, .filter = filter, .stop = stop, .sample = sample};
	int result = slot_walk(memory, &sample->view, &visitor, &gatherer);

	sample->duration_ns = clock_now_ns() - sample->at_ns;
	if (result == -EFAULT)
		error_set(&sample->problem, 0, "the guest's metadata is no longer in its memory");
	return result;
}

/* The types may have changed since the filter was typed. */
int top_sample_count(const struct guest_memory *memory, const bool *stop, struct top_sample *sample)
{
	struct top_filter *filter;
	int result;

	if (sample->filter[0] == '\0')
		return gather(memory, NULL, stop, sample);
	filter =
		top_filter_create(sample->filter, &sample->view, sample->catalog, &sample->problem);
	if (!filter)
		return -EINVAL;
	sample->problem.text[0] = '\0';
	result = gather(memory, top_filter_expression(filter), stop, sample);
	free(filter);
	return result;
}

int top_sample_take(const struct guest_memory *memory, paddr_t info,
		    const struct top_request *request, const bool *stop, struct top_sample *sample)
{
	*sample = (struct top_sample){.at_ns = clock_now_ns()};
	memcpy(sample->filter, request->filter, sizeof(sample->filter));
	int result = guest_view_read(memory, info, &sample->view, &sample->problem);

	if (result < 0)
		return result;
	sample->problem.text[0] = '\0';
	if (sample->view.slot_count == 0)
		return error_set(&sample->problem, -EAGAIN, "the guest has no metadata yet");
	sample->catalog = type_catalog_read(&sample->view, memory);
	allocator_counts_read(memory, &sample->view, &sample->allocator);
	sample->has_counters = guest_view_counters(&sample->view, memory, &sample->counters) == 0;
	sample->is_traced = trace_sites_read(memory, &sample->view, &sample->sites) == 0;
	result = top_sample_count(memory, stop, sample);
	if (result < 0 || request->columns < COLUMNS_MIN || request->rows == 0)
		return result;
	struct map_grid grid =
		top_map_grid(sample->view.slot_count, request->columns, request->rows);

	return map_image_build(memory, &sample->view, request->by, grid, &sample->map,
			       &sample->problem);
}

void top_sample_clear(struct top_sample *sample)
{
	map_image_free(&sample->map);
	type_catalog_free(sample->catalog);
	sample->catalog = NULL;
}
