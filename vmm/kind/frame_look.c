/* SPDX-License-Identifier: MPL-2.0 */
/* A sample of one frame: see frame_look.h. */
#include "kind/record_walk.h"
#include "kind/frame_look.h"

#include <errno.h>

#include "kind/frame_read.h"
#include "kind/kind.h"

static void classify_one(const struct guest *guest, const void *record, struct frame_look *look)
{
	struct read_counters counters = {0};
	uint64_t start = clock_now_ns();

	guest->kind->classify(guest, record, pfn(look->pfn), 1, DETAIL_RECORD, &look->frame,
			      look->record, &counters);
	if (clock_now_ns() - start > RECORD_CHUNK_TIME_MAX_NS)
		look->frame.state = FRAME_UNSTABLE;
}

/* For copied memory; outside any read-side section. */
static int look_at_copy(const struct guest *guest, paddr_t pa, struct frame_look *look)
{
	uint64_t record[FRAME_RECORD_MAX / sizeof(uint64_t)];
	int result = guest_memory_copy(guest->memory, pa, record, guest->kind->record_size);

	if (result == 0)
		classify_one(guest, record, look);
	return result;
}

static int look_plainly(const struct guest *guest, struct frame_look *look)
{
	uint64_t holes = 0, written, count;
	paddr_t pa;

	if (!record_find(guest, look->pfn, &pa, &count))
		return -EFAULT;
	int result = records_find_written(guest, pa, 1, &holes, &written);

	if (result < 0 || holes > 0) {
		look->frame.state = FRAME_NEVER_WRITTEN;
		return result;
	}
	guest_memory_read_begin();
	const void *record =
		memory_map_at(guest_memory_map(guest->memory), pa, guest->kind->record_size);

	if (record)
		classify_one(guest, record, look);
	guest_memory_read_end();
	return record ? 0 : look_at_copy(guest, pa, look);
}

int guest_look(const struct guest *guest, uint64_t pfn, struct frame_look *look)
{
	*look = (struct frame_look){.pfn = pfn, .frame = {.type = FRAME_TYPE_NONE}};
	return guest->kind->look ? guest->kind->look(guest, look) : look_plainly(guest, look);
}
