/* SPDX-License-Identifier: MPL-2.0 */
/* A snapshot of a source: see source_snapshot.h. */
#include "source/source_snapshot.h"

#include <errno.h>

#include "kind/pagevisor/snapshot_plan.h"

int source_snapshot(const struct source *source, bool all_memory,
		    const struct snapshot_options *options, struct snapshot *snapshot,
		    struct error *err)
{
	paddr_t info = source->info;
	const struct snapshot_plan metadata = {snapshot_plan_metadata, &info};

	if (!source->has_info && !all_memory)
		return error_set(err, -EPROTO,
				 "the kernel of %s has no pagevisor note: only all of its memory "
				 "can be copied",
				 source->name);
	return snapshot_make(&source->memory, source_control(source), all_memory ? NULL : &metadata,
			     options, snapshot, err);
}
