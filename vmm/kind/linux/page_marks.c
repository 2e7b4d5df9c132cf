/* SPDX-License-Identifier: MPL-2.0 */
/* Marks of frames: see page_marks.h. */
#include "kind/linux/page_marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory_budget.h"

#define ROOM_FIRST 64 /* page blocks; doubled when they do not suffice */

static int take(struct page_marks *marks, uint64_t bytes, struct error *err)
{
	int result = memory_budget_take(marks->budget, bytes, "what is known of pages", err);

	if (result == 0)
		marks->taken += bytes;
	return result;
}

static void give(struct page_marks *marks, uint64_t bytes)
{
	memory_budget_give(marks->budget, bytes);
	marks->taken -= bytes;
}

int page_marks_begin(struct page_marks *marks, uint64_t frames, struct memory_budget *budget,
		     struct error *err)
{
	const uint64_t blocks = frames / PAGE_BLOCK_FRAMES + 1;

	*marks = (struct page_marks){.budget = budget};
	int result = take(marks, blocks * sizeof(*marks->blocks), err);

	if (result < 0)
		return result;
	marks->blocks = calloc(blocks, sizeof(*marks->blocks));
	if (!marks->blocks) {
		page_marks_end(marks);
		return error_set(err, -ENOMEM, "no memory for what is known of pages");
	}
	marks->frames = frames;
	return 0;
}

void page_marks_end(struct page_marks *marks)
{
	memory_budget_give(marks->budget, marks->taken);
	free(marks->blocks);
	free(marks->bytes);
	*marks = (struct page_marks){0};
}

static int make_room(struct page_marks *marks, struct error *err)
{
	const uint32_t room = marks->room ? 2 * marks->room : ROOM_FIRST;
	const uint64_t more = (room - marks->room) * PAGE_BLOCK_FRAMES;
	int result = take(marks, more, err);

	if (result < 0)
		return result;
	uint8_t *bytes = realloc(marks->bytes, room * PAGE_BLOCK_FRAMES);

	if (!bytes) {
		give(marks, more);
		return error_set(err, -ENOMEM, "no memory for what is known of pages");
	}
	memset(bytes + marks->room * PAGE_BLOCK_FRAMES, PAGE_MARK_NONE, more);
	marks->bytes = bytes;
	marks->room = room;
	return 0;
}

/* Frames of one page block. */
static int set_in_block(struct page_marks *marks, uint64_t first, uint64_t count,
			enum page_mark mark, struct error *err)
{
	uint32_t *block = &marks->blocks[first / PAGE_BLOCK_FRAMES];

	if (*block == 0) {
		int result = marks->used == marks->room ? make_room(marks, err) : 0;

		if (result < 0)
			return result;
		*block = ++marks->used;
	}
	memset(marks->bytes + (*block - 1) * PAGE_BLOCK_FRAMES + first % PAGE_BLOCK_FRAMES,
	       (int)mark, count);
	return 0;
}

int page_marks_set(struct page_marks *marks, uint64_t first, uint64_t count, enum page_mark mark,
		   struct error *err)
{
	int result = 0;

	if (first >= marks->frames)
		return 0;
	if (count > marks->frames - first)
		count = marks->frames - first;
	while (result == 0 && count > 0) {
		uint64_t part = PAGE_BLOCK_FRAMES - first % PAGE_BLOCK_FRAMES;

		if (part > count)
			part = count;
		result = set_in_block(marks, first, part, mark, err);
		first += part;
		count -= part;
	}
	return result;
}
