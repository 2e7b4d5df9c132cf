/* SPDX-License-Identifier: MPL-2.0 */
/* Operations on ranges of frames, done twice: see frame_ops_ranges.h. */
#include "unit/frame_ops_ranges.h"

#include <inttypes.h>

#include "unit/fixture.h"
#include "unit/frame_ops_text.h"

static void add_range(uint64_t start, uint64_t end)
{
	if (frame_alloc_add(paddr(start), paddr(end)) != FRAME_ADD_OK)
		model_differs("the allocator refuses the memory it starts with");
}

void ops_start_allocator(uint64_t taken, uint64_t outside)
{
	pfn_t frame;

	frame_alloc_init(&(struct region_list){0});
	add_range(taken, outside);
	while (frame_alloc_take(1, 1, &frame))
		;
	for (unsigned i = 0; i < machine.array.partition.count; i++) {
		const struct region *region = &machine.array.partition.regions[i];

		if (region->kind == REGION_USABLE)
			add_range(region->start, region->end < taken ? region->end : taken);
	}
}

/* Number of unused frames in a row from `first` on, at most `limit`. */
static uint64_t count_unused_at(uint64_t first, uint64_t limit, enum frame_place place)
{
	uint64_t count = 0;

	while (count < limit && first + count < model.count &&
	       model.frames[first + count].place == place &&
	       model.frames[first + count].class == REF_CLASS_UNUSED)
		count++;
	return count;
}

bool ops_add(const struct operation *op, FILE *trace)
{
	uint64_t first = op->address / PAGE_SIZE;
	uint64_t count = count_unused_at(first, op->choice, PLACE_OUTSIDE);

	if (!count)
		return false;
	if (trace)
		ops_print(trace, op);
	model_add(first, count);
	if (frame_alloc_add(paddr(first * PAGE_SIZE), paddr((first + count) * PAGE_SIZE)) !=
	    FRAME_ADD_OK)
		model_differs("the allocator refuses frames that it does not manage");
	ops_print_result(trace, "%" PRIu64 " frames", count);
	return true;
}

bool ops_add_refused(const struct operation *op, FILE *trace)
{
	uint64_t first = op->address / PAGE_SIZE;
	enum frame_add_error expected = FRAME_ADD_OK;

	if (first >= model.count || op->choice == 0)
		return false;
	for (uint64_t i = first; i < first + op->choice; i++) {
		if (i >= model.count) {
			expected = FRAME_ADD_OUT_OF_BOUND;
			break;
		}

		const struct model_frame *frame = &model.frames[i];
		bool free = frame->class == REF_CLASS_UNUSED || frame->class == REF_CLASS_HOST;

		if (frame->place == PLACE_ALLOCATOR || frame->place == PLACE_TAKEN)
			expected = FRAME_ADD_MANAGED;
		else if (!free && expected == FRAME_ADD_OK)
			expected = FRAME_ADD_IN_USE;
	}
	if (expected == FRAME_ADD_OK)
		return false;
	if (trace)
		ops_print(trace, op);

	enum frame_add_error error =
		frame_alloc_add(paddr(first * PAGE_SIZE), paddr((first + op->choice) * PAGE_SIZE));

	if (error != expected)
		model_differs("frame_alloc_add returned %u, the model expects %u", error, expected);
	return true;
}

bool ops_give(const struct operation *op, FILE *trace)
{
	uint64_t first = op->address / PAGE_SIZE;
	uint64_t count = count_unused_at(first, op->choice, PLACE_TAKEN);

	if (!count)
		return false;
	if (trace)
		ops_print(trace, op);
	model_give(first, count);
	frame_alloc_give(pfn(first), count);
	ops_print_result(trace, "%" PRIu64 " frames", count);
	return true;
}
