/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A platform with an allocator of its own: a stack of frame numbers in place of the library's. Frames of every kind go
 * through their lives with it. Exits with 0 if all went well.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pagemeta/segment.h"
#include "pagemeta/unique.h"
#include "port.h"

#define FRAMES (MINI_MEMORY_SIZE / PAGE_SIZE)

/* The allocator. One CPU, so it needs no lock. */
static uint64_t stack[FRAMES];
static uint64_t free_count;
bool frame_alloc_started;

struct meta_slot *frame_alloc_next(void)
{
	return free_count ? pfn_to_meta(pfn(stack[--free_count])) : NULL;
}

void frame_alloc_next_failed(struct meta_slot *slot, enum ref_class found)
{
	(void)found;
	slot_abort(slot, "a free frame is not unused", slot_load(slot));
}

void frame_alloc_release(struct meta_slot *slot)
{
	stack[free_count++] = meta_to_pfn(slot).index;
}

/* A run is whatever lies in order on top of the stack. */
bool frame_alloc_take(uint64_t count, uint64_t align, pfn_t *first)
{
	if (count == 0 || count > free_count || !is_aligned(stack[free_count - 1], align))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (stack[free_count - 1 - i] != stack[free_count - 1] + i)
			return false;
	*first = pfn(stack[free_count - 1]);
	free_count -= count;
	return true;
}

void frame_alloc_give(pfn_t first, uint64_t count)
{
	while (count-- > 0)
		stack[free_count++] = first.index + count;
}

/* There is no host that could hold a frame. */
void frame_alloc_put_aside(pfn_t frame)
{
	slot_abort(pfn_to_meta(frame), "a frame put aside", slot_load(pfn_to_meta(frame)));
}

void frame_alloc_return(pfn_t first, uint64_t count, uint64_t claimed)
{
	(void)claimed;
	frame_alloc_give(first, count);
}

struct page_meta {
	uint64_t index;
};
META_TYPE(page);

static void use_frames(void)
{
	const struct page_meta meta = {.index = 1};
	uint64_t before = free_count;
	frame_t frame = frame_alloc(page, &meta);
	unique_frame_t unique = unique_alloc_zeroed(page, &meta);
	struct segment segment;

	need(frame.slot && unique.slot, "no free frame");
	need(segment_alloc(page, 16, 1, NULL, NULL, &segment), "no run");
	need(free_count == before - 18, "the frames do not come from this allocator");
	unique_drop(unique);
	need(frame_put(frame), "a frame with one holder is not dropped");
	need(stack[free_count - 1] == meta_to_pfn(frame.slot).index, "the frame went elsewhere");
	need(segment_drop(&segment) == 16, "the run is not dropped");
	need(free_count == before, "frames are lost");
}

int main(void)
{
	port_init();
	for (uint64_t frame = FRAMES; frame-- > 0;)
		if (slot_state_refs(slot_load(pfn_to_meta(pfn(frame)))) == REF_UNUSED)
			stack[free_count++] = frame;
	frame_alloc_started = true;
	use_frames();
	port_check();
	printf("allocator: no frame is lost\n");
	return EXIT_SUCCESS;
}
