/* SPDX-License-Identifier: MPL-2.0 */
/* The difference between two states of a guest: see diff.h. */
#include "inspect/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kind/record_walk.h"
#include "kind/frame_read.h"
#include "kind/kind.h"

const char *frame_change_name(enum frame_change change)
{
	static const char *const names[FRAME_CHANGE_COUNT] = {
		[FRAME_SAME] = "same",         [FRAME_APPEARED] = "appeared",
		[FRAME_VANISHED] = "vanished", [FRAME_RETYPED] = "retyped",
		[FRAME_RECYCLED] = "recycled", [FRAME_RECOUNTED] = "recounted",
		[FRAME_OTHER] = "other",
	};

	return names[change];
}

bool frame_change_applies(const struct kind *kind, enum frame_change change)
{
	return change == FRAME_RECYCLED    ? kind->has_generations
	       : change == FRAME_RECOUNTED ? kind->has_references
					   : true;
}

struct side {
	const struct guest *guest;
	int types[FRAME_TYPES_MAX]; /* from the guest's index to the diff's */
	struct frame frames[RECORD_CHUNK];
};

static void add_types(struct diff *diff, struct side *side)
{
	for (unsigned i = 0; i < side->guest->type_count; i++) {
		const char *name = side->guest->types[i].name;
		unsigned at = 0;

		while (at < diff->type_count && strcmp(diff->types[at].name, name) != 0)
			at++;
		if (at == diff->type_count)
			memcpy(diff->types[diff->type_count++].name, name,
			       sizeof(diff->types[at].name));
		side->types[i] = (int)at;
	}
}

/* A frame, with the diff's index as its type. */
static struct frame look(const struct side *side, uint64_t i)
{
	struct frame frame = side->frames[i];

	frame.type = frame.type < 0 ? FRAME_TYPE_NONE : (int16_t)side->types[frame.type];
	return frame;
}

static enum frame_change compare(const struct guest *guest, const struct frame *a,
				 const struct frame *b)
{
	bool a_in_use = guest_frame_is_in_use(guest, a), b_in_use = guest_frame_is_in_use(guest, b);
	bool is_same = a->state == b->state && a->references == b->references &&
		       a->generation == b->generation;

	if (!a_in_use && !b_in_use)
		return is_same ? FRAME_SAME : FRAME_OTHER;
	if (!a_in_use)
		return FRAME_APPEARED;
	if (!b_in_use)
		return FRAME_VANISHED;
	if (a->type != b->type)
		return FRAME_RETYPED;
	if (a->generation != b->generation)
		return FRAME_RECYCLED;
	if (is_same)
		return FRAME_SAME;
	return guest->kind->has_references ? FRAME_RECOUNTED : FRAME_OTHER;
}

static uint64_t references(const struct guest *guest, const struct frame *frame)
{
	return guest_frame_is_in_use(guest, frame) ? frame->references : 0;
}

static void count(struct diff *diff, const struct guest *guest, const struct diff_frame *frame)
{
	int type = frame->change == FRAME_VANISHED ? frame->a.type : frame->b.type;

	diff->changes[frame->change]++;
	diff->references_a += references(guest, &frame->a);
	diff->references_b += references(guest, &frame->b);
	if (frame->a.type >= 0)
		diff->types[frame->a.type].in_use_a++;
	if (frame->b.type >= 0)
		diff->types[frame->b.type].in_use_b++;
	if (type >= 0)
		diff->types[type].changes[frame->change]++;
	if (frame->change != FRAME_SAME && diff->listed < diff->limit)
		diff->list[diff->listed++] = *frame;
}

static int compare_chunk(struct diff *diff, struct side *a, struct side *b, uint64_t first,
			 uint64_t frames)
{
	int result = frames_read(a->guest, first, frames, a->frames);

	if (result == 0)
		result = frames_read(b->guest, first, frames, b->frames);
	for (uint64_t i = 0; result == 0 && i < frames; i++) {
		struct diff_frame frame = {
			.frame = pfn_to_paddr(pfn(first + i)), .a = look(a, i), .b = look(b, i)};

		frame.change = compare(a->guest, &frame.a, &frame.b);
		count(diff, a->guest, &frame);
	}
	return result;
}

static int compare_all(struct diff *diff, struct side *a, struct side *b)
{
	uint64_t frames = diff->frames_a > diff->frames_b ? diff->frames_a : diff->frames_b;
	int result = 0;

	for (uint64_t first = 0, chunk; result == 0 && first < frames; first += chunk) {
		uint64_t next_a = frame_next_written(a->guest, first);
		uint64_t next_b = frame_next_written(b->guest, first);
		uint64_t next = next_a < next_b ? next_a : next_b;

		/* A guest can claim an array much longer than what it has written. */
		if (next > first) {
			chunk = next < frames ? next - first : frames - first;
			diff->changes[FRAME_SAME] += chunk;
			continue;
		}
		chunk = frames - first < RECORD_CHUNK ? frames - first : RECORD_CHUNK;
		result = compare_chunk(diff, a, b, first, chunk);
	}
	return result;
}

int diff_make(const struct guest *a, const struct guest *b, size_t limit, struct diff *diff,
	      struct error *err)
{
	*diff = (struct diff){
		.limit = limit, .frames_a = a->frame_count, .frames_b = b->frame_count};
	if (a->kind != b->kind)
		return error_set(err, -EINVAL, "a guest of the kind %s and one of the kind %s",
				 a->kind->name, b->kind->name);
	struct side *sides = calloc(2, sizeof(*sides));

	diff->list = calloc(limit + 1, sizeof(diff->list[0]));
	int result = sides && diff->list ? 0 : -ENOMEM;

	if (result == 0) {
		sides[0].guest = a;
		sides[1].guest = b;
		add_types(diff, &sides[0]);
		add_types(diff, &sides[1]);
		result = compare_all(diff, &sides[0], &sides[1]);
	}
	if (result < 0)
		diff_free(diff);
	free(sides);
	if (result < 0)
		error_set(err, result, "%s",
			  result == -ENOMEM ? "no memory to compare"
					    : "the metadata is not all in the memory");
	return result;
}

void diff_free(struct diff *diff)
{
	free(diff->list);
	diff->list = NULL;
}
