/* SPDX-License-Identifier: MPL-2.0 */
/* All frames in batches: see frame_walk.h. */
#include "kind/record_walk.h"
#include "kind/guest.h"
#include "kind/frame_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	const struct guest *guest;
	enum frame_detail detail;
	frame_visit *visit;
	void *own;
	struct read_counters *reads;
	uint64_t next; /* one more than the last frame that was visited */
	/* The current chunk. */
	bool is_uniform; /* all frames so far are in `state` and have no entry in `frames` */
	pfn_t first;
	uint64_t count;
	uint8_t state;
	struct read_counters chunk_reads;
	struct frame *frames; /* RECORD_CHUNK */
	uint8_t *records;     /* RECORD_CHUNK; NULL: not asked for */
};

static void begin_chunk(void *own)
{
	struct walk *walk = own;

	walk->is_uniform = true;
	walk->count = 0;
	walk->chunk_reads = (struct read_counters){0};
}

static void fill(struct walk *walk, uint64_t from, uint64_t to)
{
	const size_t size = walk->guest->kind->record_size;

	/* Neighbours may be asked for their records: there are none, rather than those of an earlier chunk. */
	if (walk->records && from < to)
		memset(walk->records + from * size, 0, (to - from) * size);
	for (uint64_t i = from; i < to; i++)
		walk->frames[i] = (struct frame){.state = walk->state, .type = FRAME_TYPE_NONE};
}

/* Gives the frames so far entries of their own. */
static void become_mixed(struct walk *walk)
{
	if (walk->is_uniform)
		fill(walk, 0, walk->count);
	walk->is_uniform = false;
}

/* A chunk has up to RECORD_CHUNK frames; a uniform one may be longer. */
static void add_uniform(struct walk *walk, pfn_t first, uint64_t count, uint8_t state)
{
	if (walk->count == 0) {
		walk->first = first;
		walk->state = state;
	} else if (!walk->is_uniform || walk->state != state) {
		become_mixed(walk);
		walk->state = state;
		fill(walk, walk->count, walk->count + count);
	}
	walk->count += count;
}

static void add_hole(void *own, pfn_t first, uint64_t count)
{
	add_uniform(own, first, count, FRAME_NEVER_WRITTEN);
}

static void add_unstable(void *own, pfn_t first, uint64_t count)
{
	struct walk *walk = own;

	walk->chunk_reads.slots += count;
	walk->chunk_reads.unstable += count;
	add_uniform(own, first, count, FRAME_UNSTABLE);
}

static void add_records(void *own, const void *records, pfn_t first, uint64_t count)
{
	struct walk *walk = own;
	const struct kind *kind = walk->guest->kind;

	if (walk->count == 0)
		walk->first = first;
	become_mixed(walk);
	kind->classify(walk->guest, records, first, count, walk->detail, &walk->frames[walk->count],
		       walk->records ? walk->records + walk->count * kind->record_size : NULL,
		       &walk->chunk_reads);
	walk->count += count;
}

static void count_retried(void *own, uint64_t copies)
{
	struct walk *walk = own;

	walk->chunk_reads.retries += copies;
}

/* Frames between two runs have no record. */
static int visit_gap(struct walk *walk)
{
	const struct frame_batch gap = {
		.first = pfn(walk->next),
		.count = walk->first.index - walk->next,
		.state = FRAME_NEVER_WRITTEN,
	};

	return walk->first.index > walk->next ? walk->visit(walk->own, &gap) : 0;
}

static int keep_chunk(void *own)
{
	struct walk *walk = own;
	const struct frame_batch batch = {
		.first = walk->first,
		.count = walk->count,
		.frames = walk->is_uniform ? NULL : walk->frames,
		.state = walk->state,
		.records = walk->records,
	};

	read_counters_add(walk->reads, &walk->chunk_reads);
	if (walk->count == 0)
		return 0;
	int result = visit_gap(walk);

	walk->next = walk->first.index + walk->count;
	return result ? result : walk->visit(walk->own, &batch);
}

static int lose_chunk(void *own, pfn_t first, uint64_t count)
{
	begin_chunk(own);
	add_unstable(own, first, count);
	return keep_chunk(own);
}

int frame_walk(const struct guest *guest, enum frame_detail detail, frame_visit *visit, void *own,
	       struct read_counters *reads)
{
	static const struct record_visitor visitor = {
		.begin = begin_chunk,
		.records = add_records,
		.hole = add_hole,
		.unstable = add_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct walk walk = {
		.guest = guest,
		.detail = detail,
		.visit = visit,
		.own = own,
		.reads = reads,
		.frames = malloc(RECORD_CHUNK * sizeof(*walk.frames)),
	};
	int result = walk.frames ? 0 : -ENOMEM;

	if (result == 0 && detail == DETAIL_RECORD) {
		walk.records = malloc((size_t)RECORD_CHUNK * guest->kind->record_size);
		result = walk.records ? 0 : -ENOMEM;
	}
	if (result == 0)
		result = record_walk(guest, &visitor, &walk);
	free(walk.records);
	free(walk.frames);
	return result;
}
