/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is known of frames beyond their struct pages: a byte for each frame of the page blocks that have any such frame. Made by a
 * look at lists and tables (mark_pages.h) and not changed after it, so that page_classify stays pure: it asks for the marks
 * of those frames alone whose records say nothing better. A scan of what was written alone (inspect/incremental.h) has the marks of
 * when it read the record.
 */
#ifndef VMM_LINUX_PAGE_MARKS_H
#define VMM_LINUX_PAGE_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/linux/page_blocks.h"

struct memory_budget;

enum page_mark {
	PAGE_MARK_NONE,
	PAGE_MARK_LISTED,  /* on the list of a CPU */
	PAGE_MARK_TABLE,   /* one of the kernel's own page tables, or a top one of a process */
	PAGE_MARK_VMALLOC, /* mapped in the range of vmalloc */
	PAGE_MARK_MODULE,  /* mapped in the range of modules */
	PAGE_MARK_STACK,   /* of a thread, in the kernel */
};

/* Zeroed: no frame has a mark. */
struct page_marks {
	uint64_t frames; /* those below it can have one */
	uint32_t *
		blocks; /* of each page block: its number in `bytes`, counted from 1; 0: it has no marks */
	uint8_t *bytes; /* PAGE_BLOCK_FRAMES of each, enum page_mark */
	uint32_t used, room;
	struct memory_budget *budget; /* NULL: anything */
	uint64_t taken;               /* bytes of it */
};

/* Makes room for marks of the frames below `frames`. Returns 0, -E2BIG if the budget is too small, or -ENOMEM, with a text. */
int page_marks_begin(struct page_marks *marks, uint64_t frames, struct memory_budget *budget,
		     struct error *err);

/* Accepts zeroes. Then it is zeroed. */
void page_marks_end(struct page_marks *marks);

/* Marks frames in place of what they were marked as; those that can have none are left out. Returns as page_marks_begin. */
int page_marks_set(struct page_marks *marks, uint64_t first, uint64_t count, enum page_mark mark,
		   struct error *err);

static inline enum page_mark page_mark_of(const struct page_marks *marks, uint64_t pfn)
{
	uint32_t block = pfn < marks->frames ? marks->blocks[pfn / PAGE_BLOCK_FRAMES] : 0;

	return block ? (enum page_mark)marks
			       ->bytes[(block - 1) * PAGE_BLOCK_FRAMES + pfn % PAGE_BLOCK_FRAMES]
		     : PAGE_MARK_NONE;
}

#endif
