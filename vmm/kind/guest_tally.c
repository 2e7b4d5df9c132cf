/* SPDX-License-Identifier: MPL-2.0 */
/* Adding up all frames of a guest: see guest_tally in guest.h. */
#include "kind/guest.h"
#include "kind/tally.h"

#include "kind/kind.h"
#include "kind/record_walk.h"

struct tallier {
	const struct guest *guest;
	struct frame_tally *sum;  /* of the kept chunks */
	struct frame_tally chunk; /* the current chunk */
	struct findings found;    /* in the current chunk */
	struct findings *findings;
};

static uint64_t transient_frames(const struct tallier *tallier)
{
	const struct kind *kind = tallier->guest->kind;
	uint64_t frames = 0;

	for (unsigned i = 0; i < kind->state_count; i++)
		if (kind->states[i].is_transient)
			frames += tallier->sum->states[i];
	return frames;
}

static void begin_chunk(void *own)
{
	struct tallier *tallier = own;

	tallier->chunk = (struct frame_tally){0};
	tallier->found = (struct findings){0};
}

static void tally_records(void *own, const void *records, pfn_t first, uint64_t count)
{
	struct tallier *tallier = own;

	tallier->guest->kind->tally(tallier->guest, records, first, count, &tallier->chunk,
				    &tallier->found);
}

static void count_hole(void *own, pfn_t first, uint64_t count)
{
	struct tallier *tallier = own;

	(void)first;
	tallier->chunk.holes += count;
}

static void count_unstable(void *own, pfn_t first, uint64_t count)
{
	struct tallier *tallier = own;

	(void)first;
	tallier->chunk.reads.slots += count;
	tallier->chunk.reads.unstable += count;
}

static void count_retried(void *own, uint64_t copies)
{
	struct tallier *tallier = own;

	tallier->chunk.reads.retries += copies;
}

static int keep_chunk(void *own)
{
	struct tallier *tallier = own;

	frame_tally_add(tallier->sum, &tallier->chunk, transient_frames(tallier));
	findings_append(tallier->findings, &tallier->found);
	return 0;
}

static int lose_chunk(void *own, pfn_t first, uint64_t count)
{
	struct tallier *tallier = own;

	(void)first;
	tallier->sum->reads.slots += count;
	tallier->sum->reads.unstable += count;
	return 0;
}

int guest_tally(const struct guest *guest, struct frame_tally *tally, struct findings *findings)
{
	static const struct record_visitor visitor = {
		.begin = begin_chunk,
		.records = tally_records,
		.hole = count_hole,
		.unstable = count_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct tallier tallier = {.guest = guest, .sum = tally, .findings = findings};
	uint64_t start = clock_now_ns();

	*tally = (struct frame_tally){0};
	*findings = (struct findings){0};
	int result = record_walk(guest, &visitor, &tallier);

	tally->duration_ns = clock_now_ns() - start;
	return result;
}
