/* SPDX-License-Identifier: MPL-2.0 */
/* One sample of a guest: see top_sample.h. */
#include "view/top/top_sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kind/frame_walk.h"
#include "kind/registry.h"
#include "memory/residency.h"
#include "view/top/top_filter.h"

#define COLUMNS_MIN 8
#define HELD_REST   10

struct gatherer {
	const struct guest *guest;
	const struct expression *filter; /* NULL: all frames */
	const bool *stop;
	struct top_counts *counts;
	struct residency residency;
	uint64_t note; /* see struct frame_records */
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

/* Powers of two, and three times a power of two: rows of 48 or 96 cells have round addresses, too. */
struct map_grid top_map_grid(uint64_t frames, unsigned columns, unsigned rows)
{
	struct map_grid best = {.frames_per_cell = UINT64_MAX};

	for (unsigned power = COLUMNS_MIN; power <= columns; power *= 2) {
		struct map_grid grid = map_grid_fit(frames, power, rows);

		if (grid.frames_per_cell <= best.frames_per_cell)
			best = grid;
		if (power * 3 / 2 > columns)
			continue;
		grid = map_grid_fit(frames, power * 3 / 2, rows);
		if (grid.frames_per_cell < best.frames_per_cell)
			best = grid;
	}
	return best;
}

static void count(const struct guest *guest, const struct frame *frame, struct top_counts *counts)
{
	const struct frame_state *state = guest_state(guest, frame->state);

	counts->matches++;
	counts->tally.states[frame->state]++;
	if (!state->is_in_use)
		return;
	counts->tally.references += frame->references;
	if (state->has_count)
		counts->buckets[top_bucket(frame->references)]++;
	if (frame->type >= 0)
		counts->tally.types[frame->type]++;
	else
		counts->wild++;
}

/* Frames that were not read have no state and match no filter. */
static void look_at(struct gatherer *gatherer, const struct frame_batch *batch, uint64_t i)
{
	const struct frame *frame = &batch->frames[i];
	const struct frame_records in_hand = {batch->records, batch->first, batch->count,
					      &gatherer->note};
	const struct expression_frame seen = {
		.pfn = pfn(batch->first.index + i),
		.frame = frame,
		.record = batch->records ? batch->records + i * gatherer->guest->kind->record_size
					 : NULL,
		.residency = &gatherer->residency,
		.in_hand = &in_hand,
	};

	if (guest_state(gatherer->guest, frame->state)->tone == TONE_HOST)
		gatherer->counts->host_frames++;
	if (frame->state == FRAME_NEVER_WRITTEN)
		gatherer->counts->tally.holes++;
	else if (frame->state != FRAME_UNSTABLE &&
		 (!gatherer->filter || expression_matches(gatherer->filter, &seen)))
		count(gatherer->guest, frame, gatherer->counts);
}

static int look_at_batch(void *own, const struct frame_batch *batch)
{
	struct gatherer *gatherer = own;

	if (!batch->frames && batch->state == FRAME_NEVER_WRITTEN)
		gatherer->counts->tally.holes += batch->count;
	gatherer->note = 0;
	for (uint64_t i = 0; batch->frames && i < batch->count; i++)
		look_at(gatherer, batch, i);
	return __atomic_load_n(gatherer->stop, __ATOMIC_RELAXED) ? -ECANCELED : 0;
}

static int gather(const struct guest *guest, const struct expression *filter, const bool *stop,
		  struct top_sample *sample)
{
	struct frame_tally *tally = &sample->counts.tally;
	struct gatherer gatherer = {
		.guest = guest, .filter = filter, .stop = stop, .counts = &sample->counts};
	enum frame_detail detail = filter && filter->detail > DETAIL_TYPE ? filter->detail
									  : DETAIL_TYPE;

	residency_init(&gatherer.residency, guest->memory);
	int result = frame_walk(guest, detail, look_at_batch, &gatherer, &tally->reads);

	tally->duration_ns = clock_now_ns() - sample->at_ns;
	if (result < 0 && result != -ECANCELED)
		error_set(&sample->problem, 0, "%s",
			  result == -ENOMEM ? "no memory to look at the guest"
					    : "the guest's metadata is no longer in its memory");
	return result;
}

/* Compiles the sample's filter: the types may have changed since it was typed. NULL: all frames. Returns as top_sample_count. */
static int compile(const struct guest *guest, struct top_sample *sample, struct top_filter **filter)
{
	*filter = NULL;
	if (sample->filter[0] == '\0')
		return 0;
	*filter = top_filter_create(sample->filter, guest, sample->catalog, &sample->problem);
	if (!*filter)
		return -EINVAL;
	sample->problem.text[0] = '\0';
	return 0;
}

static const struct expression *expression_of(const struct top_filter *filter)
{
	return filter ? top_filter_expression(filter) : NULL;
}

int top_sample_count(const struct guest *guest, const bool *stop, struct top_sample *sample)
{
	struct top_filter *filter;
	int result = compile(guest, sample, &filter);

	if (result == 0)
		result = gather(guest, expression_of(filter), stop, sample);
	top_filter_free(filter);
	return result;
}

static int find_or_refresh(struct top_target *target, struct error *err)
{
	bool is_known = target->guest != NULL;
	int result = guest_find_or_refresh(target->memory, &target->hints, &target->guest, err);

	if (result >= 0)
		result = life_watch_begin(&target->life, target->guest, err);
	/* What belongs to another life is not compared. */
	if (result < 0 || target->life.event != LIFE_GOES_ON) {
		top_rows_forget(&target->base);
		target->held.is_known = false;
	}
	if (result == -EAGAIN && is_known)
		error_set(err, result, "the guest boots");
	if (result < 0)
		return result;
	return target->guest->frame_count > 0 ? 0 : guest_not_ready(target->guest, err);
}

/* All that was read is of one life. An event counts once a look at what came after it is whole. */
static int end_look(struct top_target *target, struct top_sample *sample)
{
	enum life_event event = target->life.event;
	int result = life_watch_end(&target->life, target->guest, &sample->problem);

	if (result < 0) {
		top_rows_forget(&target->base);
		return result;
	}
	if (event != LIFE_GOES_ON) {
		target->boot++;
		target->event = event;
	}
	sample->boot = target->boot;
	sample->event = target->event;
	sample->position = target->life.last.position;
	return 0;
}

static void take_counts(const struct guest *guest, struct top_sample *sample)
{
	sample->guest = *guest;
	sample->guest.system = NULL; /* it is the guest's own */
	sample->catalog = guest_type_catalog(guest);
	guest_free_counts(guest, &sample->free);
	guest_counters(guest, &sample->counters);
	sample->is_traced = guest_call_sites(guest, &sample->sites) == 0;
}

/* Marks what the filter matches. */
static int draw_map(const struct guest *guest, const struct top_request *request,
		    const struct top_filter *filter, struct top_sample *sample)
{
	const struct map_part part = {
		.grid = top_map_grid(guest->frame_count, request->columns, request->rows),
		.frame_count = guest->frame_count,
		.mark = expression_of(filter),
	};

	return map_image_build_part(guest, request->by, &part, &sample->map, &sample->problem);
}

/* What is read of all frames. A filter may take as long as they do: it is compiled once. */
static int look_at_frames(const struct guest *guest, const struct top_request *request,
			  const bool *stop, struct top_sample *sample)
{
	struct top_filter *filter;
	int result = compile(guest, sample, &filter);

	if (result == 0)
		result = gather(guest, expression_of(filter), stop, sample);
	if (result == 0 && request->columns >= COLUMNS_MIN && request->rows > 0)
		result = draw_map(guest, request, filter, sample);
	top_filter_free(filter);
	return result;
}

/* Takes as long as the memory is scattered: of the time that top runs at most a tenth. Between two counts the last one holds. */
static void count_held(struct top_target *target)
{
	const uint64_t start = clock_now_ns();

	if (target->held.is_known && start < target->held_until_ns)
		return;
	if (holding_count(target->guest, &target->held) < 0)
		target->held.is_known = false;
	target->held_until_ns = start + HELD_REST * (clock_now_ns() - start);
}

int top_sample_take(struct top_target *target, const struct top_request *request, const bool *stop,
		    struct top_sample *sample)
{
	*sample = (struct top_sample){.at_ns = clock_now_ns()};
	memcpy(sample->filter, request->filter, sizeof(sample->filter));
	int result = find_or_refresh(target, &sample->problem);

	if (result < 0)
		return result;
	sample->problem.text[0] = '\0';
	const struct guest *guest = target->guest;

	take_counts(guest, sample);
	result = look_at_frames(guest, request, stop, sample);
	if (result == 0)
		count_held(target);
	sample->held = target->held;
	if (result == 0)
		top_rows_take(guest, &request->table, &target->base, &sample->rows);
	result = result < 0 ? result : end_look(target, sample);
	sample->took_ns = clock_now_ns() - sample->at_ns;
	return result;
}

void top_target_release(struct top_target *target)
{
	top_rows_forget(&target->base);
	guest_free(target->guest);
	target->guest = NULL;
}

void top_sample_clear(struct top_sample *sample)
{
	map_image_free(&sample->map);
	top_rows_free(&sample->rows);
	type_catalog_free(sample->catalog);
	sample->catalog = NULL;
}
