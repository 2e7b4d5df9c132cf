/* SPDX-License-Identifier: MPL-2.0 */
/* What can be moved: see page_mobility.h. */
#include "kind/linux/page_mobility.h"

#include <string.h>

#include "kind/linux/page_blocks.h"

/* Pages of a type whose owner may be able to move them: balloons, zsmalloc. Since 6.17 a flag says so. */
static bool has_mover(const struct page_layout *layout, const void *record)
{
	return (layout_load(record, &layout->mapping) & MAPPING_FLAGS) == MAPPING_MOVABLE ||
	       layout_has_flag(layout, layout_load(record, &layout->flags_word),
			       PAGE_FLAG_MOVABLE_OPS);
}

static enum page_mobility used_mobility(const struct page_layout *layout, const void *record,
					int class)
{
	switch (class) {
	case PAGE_CLASS_ANON:
	case PAGE_CLASS_KSM:
	case PAGE_CLASS_FILE:
	case PAGE_CLASS_SHMEM:
	case PAGE_CLASS_HUGETLB:
	case PAGE_CLASS_MOVABLE:
		return PAGE_MOVES;
	case PAGE_CLASS_ZSMALLOC:
		return has_mover(layout, record) ? PAGE_MOVES : PAGE_STAYS;
	default:
		return PAGE_STAYS;
	}
}

enum page_mobility page_mobility_of(const struct page_layout *layout, const void *record,
				    const struct frame *frame)
{
	switch (frame->state) {
	case PAGE_STATE_USED:
		return used_mobility(layout, record, frame->type);
	case PAGE_STATE_OFFLINE:
		return has_mover(layout, record) ? PAGE_MOVES : PAGE_STAYS;
	case PAGE_STATE_RESERVED:
	case PAGE_STATE_BROKEN:
		return PAGE_STAYS;
	default:
		return PAGE_IS_FREE;
	}
}

unsigned page_stay_of(const struct frame *frame)
{
	switch (frame->state) {
	case PAGE_STATE_RESERVED:
		return STAY_RESERVED;
	case PAGE_STATE_OFFLINE:
		return STAY_OFFLINE;
	case PAGE_STATE_USED:
		return frame->type >= 0 && frame->type < PAGE_CLASS_COUNT ? (unsigned)frame->type
									  : PAGE_CLASS_UNKNOWN;
	default:
		return STAY_BROKEN;
	}
}

const char *page_stay_name(unsigned stay)
{
	switch (stay) {
	case STAY_RESERVED:
		return linux_states[PAGE_STATE_RESERVED].name;
	case STAY_OFFLINE:
		return linux_states[PAGE_STATE_OFFLINE].name;
	case STAY_BROKEN:
		return linux_states[PAGE_STATE_BROKEN].name;
	default:
		return page_class_names[stay];
	}
}

/* Of records in hand: the number i and those that follow. */
static unsigned count_stays(const struct page_records *in, uint64_t i)
{
	const uint8_t *records = in->records;
	struct page_scan scan = {0};
	unsigned stays = 0;

	for (uint64_t end = i + PAGE_BLOCK_FRAMES; i < end; i++) {
		struct frame frame = page_classify(in, &scan, i);

		stays += page_mobility_of(in->layout, records + i * LAYOUT_PAGE_SIZE, &frame) ==
			 PAGE_STAYS;
	}
	return stays;
}

unsigned page_block_stays(const struct page_records *in, pfn_t frame)
{
	uint64_t first = frame.index & ~(PAGE_BLOCK_FRAMES - 1), i = first - in->first.index;
	_Alignas(8) uint8_t copies[PAGE_BLOCK_FRAMES][LAYOUT_PAGE_SIZE];
	struct page_records copied = *in;

	if (first >= in->first.index && i < in->count && in->count - i >= PAGE_BLOCK_FRAMES)
		return count_stays(in, i);
	for (uint64_t n = 0; n < PAGE_BLOCK_FRAMES; n++) {
		uint64_t at = first + n - in->first.index;

		/* Of zeroes nobody has anything. */
		if (first + n >= in->first.index && at < in->count)
			memcpy(copies[n], (const uint8_t *)in->records + at * LAYOUT_PAGE_SIZE,
			       LAYOUT_PAGE_SIZE);
		else if (!in->fetch || !in->fetch(in->own, pfn(first + n), copies[n]))
			memset(copies[n], 0, LAYOUT_PAGE_SIZE);
	}
	copied.records = copies;
	copied.first = pfn(first);
	copied.count = PAGE_BLOCK_FRAMES;
	return count_stays(&copied, 0);
}
