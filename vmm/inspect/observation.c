/* SPDX-License-Identifier: MPL-2.0 */
/* What scans of a guest's frames found: see observation.h. */
#include "inspect/observation.h"

#include <errno.h>

#include "kind/registry.h"

/* A guest that restarts time and again is not waited for. */
#define LOOKS_MAX 3

static int look_at_guest(struct observation *seen, const struct guest_memory *memory,
			 const struct guest_hints *hints)
{
	struct error err;
	int result = guest_find_or_refresh(memory, hints, &seen->guest, &err);

	seen->is_known = result >= 0;
	if (result < 0)
		seen->problem = err;
	else
		seen->problem.text[0] = '\0';
	return result < 0 ? result : 0;
}

/* A dirty log may go away, at the latest with the VM. From then on each scan reads everything. */
static int scan(struct observation *seen)
{
	if (seen->incremental) {
		int result = incremental_update(seen->incremental, seen->guest, &seen->last,
						&seen->now, &seen->log_problem);

		if (result == 0 || result == -EFAULT)
			return result;
		seen->incremental = NULL;
	}
	return guest_tally(seen->guest, &seen->last, &seen->now);
}

/* What was counted before belongs to another series. */
static void begin_anew(struct observation *seen)
{
	seen->counters.count = 0;
	if (seen->incremental)
		incremental_forget(seen->incremental);
}

/* A scan during which the guest did not go on is dropped, with its findings. */
static int scan_one_life(struct observation *seen)
{
	struct facts counters;
	int result = life_watch_begin(&seen->life, seen->guest, &seen->problem);

	seen->is_known = result == 0;
	if (result < 0)
		return result;
	if (seen->life.event != LIFE_GOES_ON)
		begin_anew(seen);
	/* Nothing was counted of a guest that boots: the event stays until something is. */
	if (seen->guest->frame_count == 0)
		return 0;
	result = scan(seen);
	if (result < 0)
		return error_set(&seen->problem, result, "the array went away during the scan");
	bool has_counters = guest_counters(seen->guest, &counters) == 0;

	result = life_watch_end(&seen->life, seen->guest, &seen->problem);
	seen->is_known = result == 0;
	if (has_counters && result == 0)
		seen->counters = counters;
	return result;
}

int observation_look(struct observation *seen, const struct guest_memory *memory,
		     const struct guest_hints *hints)
{
	int result = -ESTALE;

	for (unsigned try = 0; try < LOOKS_MAX && result == -ESTALE; try++) {
		result = look_at_guest(seen, memory, hints);
		if (result == 0)
			result = scan_one_life(seen);
	}
	if (result < 0 || seen->guest->frame_count == 0)
		return result;
	findings_merge(&seen->findings, &seen->now);
	seen->scans++;
	seen->scan_ns += seen->last.duration_ns;
	read_counters_add(&seen->reads, &seen->last.reads);
	return 0;
}

int observation_check(struct observation *seen, enum check_rules rules, struct error *err)
{
	struct findings found;
	int result = guest_check(seen->guest, rules, &seen->check, &found, err);

	if (result < 0)
		return result;
	seen->is_checked = true;
	findings_append(&seen->findings, &found);
	return 0;
}

void observation_end(struct observation *seen)
{
	guest_free(seen->guest);
	seen->guest = NULL;
	seen->is_known = false;
}
