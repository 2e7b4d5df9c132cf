/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The memory that describes a Linux guest's frames: see describing_memory.h.
 *
 * It is scattered: a note, page tables, read-only data of the image, tables of sections, nodes. Instead of a second list of
 * all that, which could differ from what is read, a guest is opened through readers that note what is asked for.
 */
#include "kind/linux/describing_memory.h"

#include <stdlib.h>
#include <string.h>

#include "kind/free_counts.h"
#include "kind/kind.h"
#include "kind/linux/shadow_memory.h"

#define NOTED_MAX 4096 /* separate ranges; more are left out */

/* With as many regions as there can be, so many ranges fit beside them. */
#define ADDED_MAX (MEMORY_RANGES_MAX - MEMORY_REGIONS_MAX)

struct noted {
	uint64_t start, end;
};

struct recorder {
	unsigned count;
	struct noted list[NOTED_MAX]; /* sorted, apart from each other */
};

/* The first range that ends at `start` or above. */
static unsigned find_place(const struct recorder *recorder, uint64_t start)
{
	unsigned low = 0, high = recorder->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (recorder->list[middle].end < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void note(void *own, uint64_t start, uint64_t end)
{
	struct recorder *recorder = own;
	unsigned at = find_place(recorder, start), behind = at;
	struct noted *list = recorder->list;

	while (behind < recorder->count && list[behind].start <= end) {
		start = list[behind].start < start ? list[behind].start : start;
		end = list[behind].end > end ? list[behind].end : end;
		behind++;
	}
	if (behind == at && recorder->count == NOTED_MAX)
		return;
	memmove(&list[at + 1], &list[behind], (recorder->count - behind) * sizeof(*list));
	recorder->count = recorder->count + 1 - (behind - at);
	list[at] = (struct noted){start, end};
}

static void note_guest(struct recorder *recorder, const struct guest *guest)
{
	struct record_run *runs = malloc(RECORD_RUNS_MAX * sizeof(*runs));
	unsigned count = runs ? guest->kind->runs(guest, runs, RECORD_RUNS_MAX) : 0;
	struct free_counts counts;

	for (unsigned i = 0; i < count; i++)
		note(recorder, align_down(runs[i].pa.addr, PAGE_SIZE),
		     align_up(runs[i].pa.addr + runs[i].count * guest->kind->record_size,
			      PAGE_SIZE));
	free(runs);
	guest_free_counts(guest, &counts);
}

/* Closes the smallest gaps until so many ranges are left. */
static void join(struct recorder *recorder, unsigned left)
{
	struct noted *list = recorder->list;

	while (recorder->count > left) {
		unsigned best = 1;

		for (unsigned i = 2; i < recorder->count; i++)
			if (list[i].start - list[i - 1].end < list[best].start - list[best - 1].end)
				best = i;
		list[best - 1].end = list[best].end;
		memmove(&list[best], &list[best + 1], (recorder->count - best - 1) * sizeof(*list));
		recorder->count--;
	}
}

void linux_describing_memory_add(const struct guest_memory *memory, paddr_t info, open_guest *open,
				 struct memory_ranges *ranges)
{
	struct recorder *recorder = malloc(sizeof(*recorder));
	struct shadow_memory shadow;
	struct guest *guest;
	struct error ignored;

	if (!recorder)
		return;
	recorder->count = 0;
	if (shadow_memory_begin(&shadow, memory, note, recorder, &ignored) == 0) {
		if (open(&shadow.memory, info, &guest) == 0) {
			note_guest(recorder, guest);
			guest_free(guest);
		}
		shadow_memory_end(&shadow);
	}
	join(recorder, ADDED_MAX);
	guest_memory_read_begin();
	for (unsigned i = 0; i < recorder->count; i++)
		memory_ranges_add(ranges, guest_memory_map(memory), paddr(recorder->list[i].start),
				  recorder->list[i].end - recorder->list[i].start);
	guest_memory_read_end();
	free(recorder);
}
