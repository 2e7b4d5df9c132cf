/* SPDX-License-Identifier: MPL-2.0 */
/* Slices of segments, done twice: see frame_ops_segments.h. */
#include "unit/frame_ops_segments.h"

#include <inttypes.h>

#include "pagemeta/segment.h"
#include "unit/frame_ops_text.h"
#include "unit/frame_ops_vars.h"

#define RUN_MAX 8

/* Number of shared frames in a row from `first` on, at most RUN_MAX. */
static uint64_t count_shared_at(uint64_t first)
{
	uint64_t count = 0;

	while (count < RUN_MAX && first + count < model.count &&
	       model.frames[first + count].class == REF_CLASS_SHARED)
		count++;
	return count;
}

/* Whether the first `count` variables of kids[] are empty, and different. */
static bool has_empty_vars(const struct operation *op, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (vars.frame[op->kids[i]] != EMPTY)
			return false;
		for (uint64_t j = 0; j < i; j++)
			if (op->kids[i] == op->kids[j])
				return false;
	}
	return true;
}

/* The references of a slice go into the variables. */
static void keep_slice(const struct operation *op, uint64_t first, struct segment *slice)
{
	for (uint64_t i = 0; i < op->slice; i++) {
		frame_t frame = segment_pop(slice);

		if (!frame.slot || meta_to_pfn(frame.slot).index != first + i)
			model_differs("frame %" PRIu64 " of the slice is another", i);
		model_get(first + i);
		var_set(op->kids[i], (uint32_t)(first + i));
	}
	if (slice->count || slice->first.index)
		model_differs("an empty slice has a place");
}

/* The run belongs to whoever has the references; it stands for a segment that somebody holds. */
bool ops_slice(const struct operation *op, FILE *trace)
{
	uint64_t first = op->address / PAGE_SIZE;
	uint64_t count = count_shared_at(first);
	const struct segment run = {pfn(first), count};
	struct segment slice = {pfn(1), 2};
	bool expected = op->choice <= count && op->slice <= count - op->choice;

	if (!count || !has_empty_vars(op, op->slice))
		return false;
	if (trace)
		ops_print(trace, op);

	bool sliced = segment_slice(&run, op->choice, op->slice, &slice);

	ops_print_result(trace, sliced ? "done" : "refused");
	if (sliced != expected)
		model_differs("a slice of %u frames at %u of %" PRIu64 " %s", op->slice, op->choice,
			      count, sliced ? "succeeded" : "was refused");
	ops_counts.slices[sliced ? op->slice != 0 : 2]++;
	if (sliced)
		keep_slice(op, first + op->choice, &slice);
	else if (slice.count != 2 || slice.first.index != 1)
		model_differs("it was refused and still wrote a slice");
	return true;
}
