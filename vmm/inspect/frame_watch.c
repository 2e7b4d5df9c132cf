/* SPDX-License-Identifier: MPL-2.0 */
/* What happened to a frame between two samples: see frame_watch.h. */
#include "inspect/frame_watch.h"

#include <string.h>

#include "base/counter.h"
#include "kind/kind.h"

/* Types that the guest does not have differ if the words that name them do. */
static bool has_other_type(const struct kind *kind, const struct frame_look *before,
			   const struct frame_look *now)
{
	uint64_t old, new;

	if (before->frame.type != now->frame.type)
		return true;
	return kind_type_word(kind, before->record, &old) &&
	       kind_type_word(kind, now->record, &new) && old != new;
}

static unsigned metadata_differences(const struct guest *guest, const struct frame_look *before,
				     const struct frame_look *now)
{
	if (!guest_frame_is_in_use(guest, &before->frame) ||
	    !guest_frame_is_in_use(guest, &now->frame))
		return 0;
	if (has_other_type(guest->kind, before, now))
		return WATCH_TYPE;
	return memcmp(before->record, now->record, guest->kind->metadata_size) ? WATCH_METADATA : 0;
}

static unsigned differences(const struct guest *guest, const struct frame_look *before,
			    const struct frame_look *now)
{
	unsigned found = metadata_differences(guest, before, now);

	if (before->frame.state != now->frame.state)
		found |= WATCH_STATE;
	if (before->frame.references != now->frame.references)
		found |= WATCH_REFERENCES;
	if (before->frame.generation != now->frame.generation)
		found |= WATCH_GENERATION;
	return found;
}

/* A record that was not written before has no generation to count from. */
static uint32_t missed_generations(const struct frame *before, const struct frame *now)
{
	uint32_t steps;

	if (before->state == FRAME_NEVER_WRITTEN || now->state == FRAME_NEVER_WRITTEN ||
	    !counter_rise_32(before->generation, now->generation, &steps))
		return 0;
	return steps == 0 ? 0 : steps - 1;
}

static void note_look(struct frame_watch *watch, const struct frame_look *look, uint64_t start_ns,
		      uint64_t end_ns)
{
	if (watch->has_last && end_ns - watch->start_ns > watch->gap_ns)
		watch->gap_ns = end_ns - watch->start_ns;
	watch->newest = !watch->newest;
	watch->looked[watch->newest] = *look;
	watch->start_ns = start_ns;
	watch->has_last = true;
	watch->looks++;
	watch->unstable += look->frame.state == FRAME_UNSTABLE;
}

bool frame_watch_step(struct frame_watch *watch, const struct guest *guest,
		      const struct frame_look *look, uint64_t start_ns, uint64_t end_ns,
		      struct watch_change *change)
{
	bool is_first = !watch->has_last;

	*change = (struct watch_change){
		.is_first = is_first,
		.after_ns = is_first ? start_ns : watch->start_ns,
		.at_ns = end_ns,
	};
	note_look(watch, look, start_ns, end_ns);
	change->now = &watch->looked[watch->newest];
	if (is_first)
		return true;
	change->before = &watch->looked[!watch->newest];
	change->differences = differences(guest, change->before, change->now);
	if (change->differences == 0)
		return false;
	change->missed = missed_generations(&change->before->frame, &change->now->frame);
	watch->changes++;
	watch->missed += change->missed;
	return true;
}

void frame_watch_restart(struct frame_watch *watch)
{
	watch->has_last = false;
}
