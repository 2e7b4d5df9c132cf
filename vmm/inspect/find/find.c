/* SPDX-License-Identifier: MPL-2.0 */
/* Searching all frames: see find.h. */
#include "inspect/find/find.h"

#include "base/clock.h"
#include "kind/frame_look.h"
#include "kind/guest.h"
#include "kind/frame_walk.h"
#include "memory/residency.h"

struct finder {
	const struct guest *guest;
	const struct find_options *options;
	struct find_result *result;
	struct residency residency;
};

static const void *record_of(const struct finder *finder, const struct frame_batch *batch,
			     uint64_t i)
{
	return batch->records ? batch->records + i * finder->guest->kind->record_size : NULL;
}

static void hand_out(const struct finder *finder, pfn_t pfn, const struct frame *frame,
		     const void *record)
{
	const struct found_frame found = {.pfn = pfn, .frame = *frame, .record = record};

	finder->options->found(finder->options->own, &found);
}

/*
 * Handles a match without a record. The frame may have changed since the walk read a part of it, so all of it is read
 * and matched again. Returns false if it no longer matches.
 */
static bool look_and_hand_out(struct finder *finder, pfn_t pfn)
{
	struct frame_look look;
	const struct expression_frame at = {pfn, &look.frame, look.record, &finder->residency,
					    NULL};
	bool is_in_use;

	if (guest_look(finder->guest, pfn.index, &look) < 0)
		return false;
	is_in_use = guest_frame_is_in_use(finder->guest, &look.frame);
	finder->result->reads.copies += is_in_use;
	finder->result->reads.unstable += look.frame.state == FRAME_UNSTABLE;
	if (look.frame.state == FRAME_UNSTABLE || look.frame.state == FRAME_NEVER_WRITTEN ||
	    !expression_matches(finder->options->expression, &at))
		return false;
	hand_out(finder, pfn, &look.frame, is_in_use ? look.record : NULL);
	return true;
}

static void take(struct finder *finder, const struct frame_batch *batch, uint64_t i)
{
	pfn_t at = pfn(batch->first.index + i);

	if (finder->result->matches >= finder->options->limit) {
		finder->result->matches++;
	} else if (!batch->records) {
		finder->result->matches += look_and_hand_out(finder, at);
	} else {
		hand_out(finder, at, &batch->frames[i], record_of(finder, batch, i));
		finder->result->matches++;
	}
}

static void look_at_frames(struct finder *finder, const struct frame_batch *batch)
{
	uint64_t note = 0;
	const struct frame_records in_hand = {batch->records, batch->first, batch->count, &note};

	for (uint64_t i = 0; i < batch->count; i++) {
		const struct frame *frame = &batch->frames[i];
		const struct expression_frame at = {pfn(batch->first.index + i), frame,
						    record_of(finder, batch, i), &finder->residency,
						    &in_hand};

		if (frame->state == FRAME_NEVER_WRITTEN)
			finder->result->holes++;
		else if (frame->state != FRAME_UNSTABLE &&
			 expression_matches(finder->options->expression, &at))
			take(finder, batch, i);
	}
}

static int look_at_batch(void *own, const struct frame_batch *batch)
{
	struct finder *finder = own;

	if (batch->frames)
		look_at_frames(finder, batch);
	else if (batch->state == FRAME_NEVER_WRITTEN)
		finder->result->holes += batch->count;
	finder->result->frames += batch->count;
	if (finder->options->searched)
		finder->options->searched(finder->options->own, finder->result->frames);
	return 0;
}

int find_frames(const struct guest *guest, const struct find_options *options,
		struct find_result *result)
{
	struct finder finder = {.guest = guest, .options = options, .result = result};
	uint64_t start = clock_now_ns();

	*result = (struct find_result){0};
	residency_init(&finder.residency, guest->memory);
	enum frame_detail detail = options->expression->detail;

	/* If the walk reads records anyway, it may as well keep them. */
	if ((detail == DETAIL_TYPE && options->limit > 0) || options->limit > FIND_LOOKS_MAX)
		detail = DETAIL_RECORD;
	int code = frame_walk(guest, detail, look_at_batch, &finder, &result->reads);

	result->duration_ns = clock_now_ns() - start;
	return code;
}
