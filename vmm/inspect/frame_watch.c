/* SPDX-License-Identifier: MPL-2.0 */
/* What happened to a frame between two looks: see frame_watch.h. */
#include "inspect/frame_watch.h"

#include <string.h>

static bool has_other_state(const struct frame_look *before, const struct frame_look *now)
{
	return before->is_hole != now->is_hole || before->is_unstable != now->is_unstable ||
	       before->class != now->class;
}

static unsigned metadata_differences(const struct frame_look *before, const struct frame_look *now)
{
	const struct slot_copy *old = &before->copy, *new = &now->copy;

	if (!before->is_in_use || !now->is_in_use)
		return 0;
	if (old->vtable_ptr != new->vtable_ptr)
		return FRAME_TYPE;
	return memcmp(old->storage, new->storage, sizeof(old->storage)) ? FRAME_METADATA : 0;
}

static unsigned differences(const struct frame_look *before, const struct frame_look *now)
{
	unsigned found = metadata_differences(before, now);

	if (has_other_state(before, now))
		found |= FRAME_STATE;
	if (before->references != now->references)
		found |= FRAME_REFERENCES;
	if (before->generation != now->generation)
		found |= FRAME_GENERATION;
	return found;
}

/* Modulo 2^32, as the generation is. A slot that was not written before counts from nowhere. */
static uint32_t missed_generations(const struct frame_look *before, const struct frame_look *now)
{
	uint32_t steps = now->generation - before->generation;

	return before->is_hole || now->is_hole || steps == 0 ? 0 : steps - 1;
}

static void note_look(struct frame_watch *watch, const struct frame_look *look, uint64_t start_ns,
		      uint64_t end_ns)
{
	if (watch->looks > 0 && end_ns - watch->start_ns > watch->gap_ns)
		watch->gap_ns = end_ns - watch->start_ns;
	watch->newest = !watch->newest;
	watch->looked[watch->newest] = *look;
	watch->start_ns = start_ns;
	watch->looks++;
	watch->unstable += look->is_unstable;
}

bool frame_watch_step(struct frame_watch *watch, const struct frame_look *look, uint64_t start_ns,
		      uint64_t end_ns, struct frame_change *change)
{
	bool is_first = watch->looks == 0;

	*change = (struct frame_change){
		.is_first = is_first,
		.after_ns = is_first ? start_ns : watch->start_ns,
		.at_ns = end_ns,
	};
	note_look(watch, look, start_ns, end_ns);
	change->now = &watch->looked[watch->newest];
	if (is_first)
		return true;
	change->before = &watch->looked[!watch->newest];
	change->differences = differences(change->before, change->now);
	if (change->differences == 0)
		return false;
	change->missed = missed_generations(change->before, change->now);
	watch->changes++;
	watch->missed += change->missed;
	return true;
}
