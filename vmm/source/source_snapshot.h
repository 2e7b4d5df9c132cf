/* SPDX-License-Identifier: MPL-2.0 */
/* A snapshot of any source: of all its memory, or of its metadata alone. */
#ifndef VMM_SOURCE_SNAPSHOT_H
#define VMM_SOURCE_SNAPSHOT_H

#include <stdbool.h>

#include "base/error.h"
#include "memory/snapshot.h"
#include "source/source.h"

enum snapshot_content {
	SNAPSHOT_METADATA,   /* what describes the frames, or tells them apart */
	SNAPSHOT_ALL_MEMORY, /* all RAM that holds data */
	/*
	 * What describes the frames, and what the guest calls those who have them, as of shortly before the pause, unless it is too
	 * much: see facts.names_left_out.
	 */
	SNAPSHOT_NAMES,
};

/*
 * Takes a snapshot of a source. Returns as snapshot_make, and -EPROTO when
 * metadata is wanted but the kernel does not describe itself; -EAGAIN when the guest was reset, loaded or resumed by
 * somebody else in the pause, so that there is no instant that all of the copy is of. The options' guard is not used.
 */
int source_snapshot(const struct source *source, enum snapshot_content content,
		    const struct snapshot_options *options, struct snapshot *snapshot,
		    struct error *err);

#endif
