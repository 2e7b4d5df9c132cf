/* SPDX-License-Identifier: MPL-2.0 */
/* A snapshot of a source: see source_snapshot.h. */
#include "source/source_snapshot.h"

#include <errno.h>

#include "kind/registry.h"

static void find_describing(void *context, const struct guest_memory *memory,
			    struct memory_ranges *ranges)
{
	const struct source *source = context;

	*ranges = (struct memory_ranges){0};
	guest_describing_memory(memory, &source->hints, ranges);
}

int source_snapshot(const struct source *source, bool all_memory,
		    const struct snapshot_options *options, struct snapshot *snapshot,
		    struct error *err)
{
	const struct snapshot_plan metadata = {find_describing, (void *)source};

	if (!source->hints.has_info && !all_memory)
		return error_set(
			err, -EPROTO,
			source->is_live
				? "the kernel of %s has no pagevisor note: only a copy of all memory is possible"
				: "no guest of a known kind is in the memory of %s: only a copy of all memory is possible",
			source->name);
	return snapshot_make(&source->memory, source_control(source), all_memory ? NULL : &metadata,
			     options, snapshot, err);
}
