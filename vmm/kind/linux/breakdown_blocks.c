/* SPDX-License-Identifier: MPL-2.0 */
/* Page blocks by what keeps them: see breakdown_blocks.h. */
#include "kind/linux/breakdown_blocks.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/frame_walk.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_mobility.h"
#include "kind/linux/page_property.h"
#include "kind/linux/zone_rows.h"

/* What a block is: kept by pages of one class alone (enum page_stay), or one of these. */
enum {
	BLOCK_FREE = STAY_COUNT,
	BLOCK_HUGE,
	BLOCK_MOVABLE,
	BLOCK_TRANSIT,
	BLOCK_SEVERAL,
	BLOCK_ROWS,
};

/* Columns: blocks by how many pages keep them, and those that others keep, too. */
enum {
	FIGURE_BYTES,
	FIGURE_PAGES,
	FIGURE_SHARED = FIGURE_PAGES + 4,
};

/* A histogram's columns end below these. */
static const unsigned pages_ends[] = {2, 8, 64, PAGE_BLOCK_FRAMES + 1};

const struct breakdown_column linux_block_columns[BREAKDOWN_FIGURES_MAX] = {
	[FIGURE_BYTES] = {"bytes", "MiB", BREAKDOWN_BYTES},
	[FIGURE_PAGES] = {"blocks_1", "1", BREAKDOWN_NUMBER},
	{"blocks_2_to_7", "2-7", BREAKDOWN_NUMBER},
	{"blocks_8_to_63", "8-63", BREAKDOWN_NUMBER},
	{"blocks_64_to_512", "64+", BREAKDOWN_NUMBER},
	[FIGURE_SHARED] = {"blocks_shared", "shared", BREAKDOWN_PART},
};

/* The page block that a walk is in, by the pages of it that the walk has passed. */
struct block {
	uint64_t number;
	unsigned seen, free, moves, stays[STAY_COUNT];
	uint64_t zone;
	bool is_huge;
};

struct census {
	const struct guest *guest;
	struct block block;
	struct breakdown_row rows[ZONE_NUMBERS_MAX][BLOCK_ROWS];
};

static void count_pages(uint64_t *figures, unsigned pages)
{
	unsigned column = 0;

	while (pages >= pages_ends[column])
		column++;
	figures[FIGURE_PAGES + column]++;
}

/*
 * What a block is whose pages can all go. If all of them are in transit, it may be on the list of a CPU, or the second half
 * of an allocation of 4 MiB that is no compound page.
 */
static unsigned movable_kind(const struct block *block)
{
	if (block->is_huge)
		return BLOCK_HUGE;
	if (block->moves)
		return BLOCK_MOVABLE;
	return block->free ? BLOCK_FREE : BLOCK_TRANSIT;
}

/* A block of which some pages have no record can never be one page: it does not count. */
static void finish_block(struct census *census)
{
	const struct block *block = &census->block;
	struct breakdown_row *rows = census->rows[block->zone % ZONE_NUMBERS_MAX];
	unsigned what = movable_kind(block), classes = 0, pages = 0;

	if (block->seen < PAGE_BLOCK_FRAMES)
		return;
	for (unsigned stay = 0; stay < STAY_COUNT; stay++)
		if (block->stays[stay]) {
			what = classes++ ? BLOCK_SEVERAL : stay;
			pages += block->stays[stay];
		}
	for (unsigned stay = 0; stay < STAY_COUNT && classes > 1; stay++)
		rows[stay].figures[FIGURE_SHARED] += block->stays[stay] > 0;
	rows[what].figures[FIGURE_BYTES] += PAGE_BLOCK_FRAMES * PAGE_SIZE;
	if (pages)
		count_pages(rows[what].figures, pages);
}

/* Whether a page is of a huge page, or of a larger one. */
static bool is_huge(const struct page_records *in, pfn_t pfn, const struct frame *frame)
{
	uint64_t order;

	return page_property(in, PROPERTY_ORDER, pfn, frame, &order) && order >= PAGE_BLOCK_ORDER;
}

static void begin_block(struct census *census, const struct page_records *in, pfn_t pfn,
			const void *record, const struct frame *frame)
{
	const struct page_layout *layout = in->layout;
	struct block *block = &census->block;
	uint64_t flags = layout_load(record, &layout->flags_word);

	*block = (struct block){.number = pfn.index / PAGE_BLOCK_FRAMES};
	block->zone = layout_zone(layout, flags);
	block->is_huge = page_mobility_of(layout, record, frame) == PAGE_MOVES &&
			 is_huge(in, pfn, frame);
}

static void add_page(struct census *census, const struct page_records *in, pfn_t pfn,
		     const void *record, const struct frame *frame)
{
	struct block *block = &census->block;

	if (block->seen == 0 || pfn.index / PAGE_BLOCK_FRAMES != block->number) {
		finish_block(census);
		begin_block(census, in, pfn, record, frame);
	}
	block->seen++;
	block->free += frame->state == PAGE_STATE_FREE || frame->state == PAGE_STATE_LISTED;
	switch (page_mobility_of(in->layout, record, frame)) {
	case PAGE_MOVES:
		block->moves++;
		break;
	case PAGE_STAYS:
		block->stays[page_stay_of(frame)]++;
		break;
	default:
		break;
	}
}

static int add_batch(void *own, const struct frame_batch *batch)
{
	struct census *census = own;
	const struct page_records in =
		linux_guest_records(census->guest, batch->records, batch->first, batch->count);

	for (uint64_t i = 0; batch->frames && i < batch->count; i++)
		if (batch->frames[i].state != FRAME_NEVER_WRITTEN)
			add_page(census, &in, pfn(batch->first.index + i),
				 batch->records + i * LAYOUT_PAGE_SIZE, &batch->frames[i]);
	return 0;
}

static const char *row_name(unsigned what)
{
	switch (what) {
	case BLOCK_FREE:
		return "free";
	case BLOCK_HUGE:
		return "huge";
	case BLOCK_MOVABLE:
		return "movable";
	case BLOCK_TRANSIT:
		return linux_states[PAGE_STATE_IN_TRANSIT].name;
	case BLOCK_SEVERAL:
		return "several";
	default:
		return page_stay_name(what);
	}
}

static int add_row(const struct census *census, unsigned zone, unsigned what, struct breakdown *to,
		   struct error *err)
{
	const struct breakdown_row *from = &census->rows[zone][what];
	struct breakdown_row *row;

	if (!from->figures[FIGURE_BYTES] && !from->figures[FIGURE_SHARED])
		return 0;
	row = zone_row_add(census->guest, zone, from, to, err);
	if (!row)
		return -E2BIG;
	row->key = zone * BLOCK_ROWS + what;
	return breakdown_name(to, row, row_name(what), err);
}

int linux_breakdown_blocks(const struct guest *guest, struct breakdown *to, struct error *err)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	struct census *census = kernel->layout.is_full ? calloc(1, sizeof(*census)) : NULL;
	struct read_counters reads = {0};
	int result;

	if (!kernel->layout.is_full)
		return error_set(err, -ENODATA, "the layout of struct page is not known: %s",
				 kernel->no_layout.text);
	if (!census)
		return error_set(err, -ENOMEM, "no memory for the table of page blocks");
	census->guest = guest;
	error_set(err, 0, "the array went away during the look");
	result = frame_walk(guest, DETAIL_RECORD, add_batch, census, &reads);
	finish_block(census);
	for (unsigned zone = 0; zone < ZONE_NUMBERS_MAX; zone++)
		for (unsigned what = 0; what < BLOCK_ROWS && result == 0; what++)
			result = add_row(census, zone, what, to, err);
	free(census);
	return result;
}
