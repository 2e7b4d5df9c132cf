/* SPDX-License-Identifier: MPL-2.0 */
/* The pages that a guest needs to go on: see needed_pages.h. */
#include "kind/needed_pages.h"

#include <string.h>

#include "kind/frame_walk.h"
#include "kind/read_counters.h"

struct selection {
	struct needed_pages *needed;
	const struct guest *guest;
};

/* Takes `count` frames in one state out of the set, if nobody needs them. */
static void leave_out(struct selection *selection, pfn_t first, uint64_t count, uint8_t state)
{
	struct needed_pages *needed = selection->needed;
	enum frame_tone tone;

	if (state >= selection->guest->kind->state_count)
		return; /* it could not be read */
	tone = guest_state(selection->guest, state)->tone;
	if (tone != TONE_FREE && tone != TONE_HOST)
		return;
	page_set_remove(&needed->set, paddr(first.index * PAGE_SIZE), count * PAGE_SIZE);
	*(tone == TONE_FREE ? &needed->free_frames : &needed->host_frames) += count;
}

static int visit(void *own, const struct frame_batch *batch)
{
	if (!batch->frames) {
		leave_out(own, batch->first, batch->count, batch->state);
		return 0;
	}
	for (uint64_t i = 0, run; i < batch->count; i += run) {
		for (run = 1; i + run < batch->count &&
			      batch->frames[i + run].state == batch->frames[i].state;)
			run++;
		leave_out(own, pfn(batch->first.index + i), run, batch->frames[i].state);
	}
	return 0;
}

int needed_pages_find(struct needed_pages *needed, const struct guest *guest,
		      const struct guest_memory *memory, struct error *err)
{
	struct selection selection = {needed, guest};
	struct read_counters ignored = {0};

	*needed = (struct needed_pages){0};
	int result = page_set_begin(&needed->set, memory, err);

	if (result < 0)
		return result;
	for (unsigned i = 0; i < needed->set.all.count; i++)
		page_set_add(&needed->set, needed->set.all.list[i].base,
			     needed->set.all.list[i].size);
	if (!guest || guest->progress < GUEST_HAS_FRAMES)
		return 0;
	result = frame_walk(guest, DETAIL_STATE, visit, &selection, &ignored);
	return result < 0 ? error_set(err, result, "cannot read the frames of the guest: %s",
				      strerror(-result))
			  : 0;
}

void needed_pages_end(struct needed_pages *needed)
{
	page_set_end(&needed->set);
}
