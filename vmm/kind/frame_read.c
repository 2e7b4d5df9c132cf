/* SPDX-License-Identifier: MPL-2.0 */
/* Frames of a guest at rest: see frame_read.h. */
#include "kind/frame_read.h"

#include <errno.h>
#include <stdlib.h>

#include "kind/kind.h"

bool record_find(const struct guest *guest, uint64_t frame, paddr_t *pa, uint64_t *count)
{
	struct record_run runs[RECORD_RUNS_MAX];
	unsigned run_count = guest->kind->runs(guest, runs, RECORD_RUNS_MAX);

	for (unsigned i = 0; i < run_count; i++) {
		uint64_t offset = frame - runs[i].first.index;

		if (offset >= runs[i].count)
			continue;
		*pa = paddr(runs[i].pa.addr + offset * guest->kind->record_size);
		*count = runs[i].count - offset;
		return true;
	}
	return false;
}

/* The first frame with a record after `first`, which has none. */
static uint64_t next_recorded(const struct guest *guest, uint64_t first)
{
	struct record_run runs[RECORD_RUNS_MAX];
	unsigned count = guest->kind->runs(guest, runs, RECORD_RUNS_MAX);
	uint64_t next = FRAMES_NONE;

	for (unsigned i = 0; i < count; i++)
		if (runs[i].count && runs[i].first.index >= first && runs[i].first.index < next)
			next = runs[i].first.index;
	return next;
}

/* A record never crosses a page boundary. */
int records_find_written(const struct guest *guest, paddr_t pa, uint64_t count, uint64_t *holes,
			 uint64_t *written)
{
	unsigned size = guest->kind->record_size;
	paddr_t page = paddr(align_down(pa.addr, PAGE_SIZE));
	uint64_t skipped = pa.addr - page.addr, bytes = count * size, hole, data;
	int result = guest_memory_find_data(guest->memory, page,
					    align_up(skipped + bytes, PAGE_SIZE), &hole, &data);

	if (result < 0)
		return result;
	*holes = hole > skipped ? (hole - skipped) / size : 0;
	*written = (hole + data - skipped) / size - *holes;
	if (*holes > count)
		*holes = count;
	if (*written > count - *holes)
		*written = count - *holes;
	return *holes + *written ? 0 : -EFAULT;
}

uint64_t frame_next_written(const struct guest *guest, uint64_t first)
{
	while (first < guest->frame_count) {
		uint64_t count, holes, written;
		paddr_t pa;

		if (!record_find(guest, first, &pa, &count)) {
			first = next_recorded(guest, first);
			continue;
		}
		/* Whoever reads it gets the error. */
		if (records_find_written(guest, pa, count, &holes, &written) < 0)
			return first;
		if (written)
			return first + holes;
		first += holes;
	}
	return FRAMES_NONE;
}

static void set_state(struct frame *frames, uint64_t count, uint8_t state)
{
	for (uint64_t i = 0; i < count; i++)
		frames[i] = (struct frame){.state = state, .type = FRAME_TYPE_NONE};
}

/* Reads contiguous records into frames that are all FRAME_NEVER_WRITTEN. */
static int read_run(const struct guest *guest, uint64_t first, paddr_t pa, uint64_t count,
		    uint8_t *buffer, struct frame *frames)
{
	struct read_counters ignored = {0};
	unsigned size = guest->kind->record_size;
	uint64_t holes, written;

	for (uint64_t at = 0; at < count; at += holes + written) {
		paddr_t from = paddr(pa.addr + at * size);
		int result = records_find_written(guest, from, count - at, &holes, &written);
		uint64_t data = at + holes;

		if (result == 0 && written)
			result = guest_memory_copy(guest->memory, paddr(pa.addr + data * size),
						   buffer, written * size);
		if (result < 0)
			return result;
		if (written)
			guest->kind->classify(guest, buffer, pfn(first + data), written,
					      DETAIL_TYPE, &frames[data], NULL, &ignored);
	}
	return 0;
}

int frames_read(const struct guest *guest, uint64_t first, uint64_t count, struct frame *frames)
{
	uint8_t *buffer = malloc(count * guest->kind->record_size);
	int result = 0;

	if (!buffer)
		return -ENOMEM;
	set_state(frames, count, FRAME_NEVER_WRITTEN);
	for (uint64_t at = 0, found; result == 0 && at < count; at += found) {
		paddr_t pa;

		if (!record_find(guest, first + at, &pa, &found)) {
			uint64_t next = next_recorded(guest, first + at);

			found = next < first + count ? next - first - at : count - at;
			continue;
		}
		found = found < count - at ? found : count - at;
		result = read_run(guest, first + at, pa, found, buffer, &frames[at]);
	}
	free(buffer);
	return result;
}
