/* SPDX-License-Identifier: MPL-2.0 */
/* A snapshot of a source, whatever it is: of all its memory, or of what describes its frames. */
#ifndef VMM_SOURCE_SNAPSHOT_H
#define VMM_SOURCE_SNAPSHOT_H

#include <stdbool.h>

#include "base/error.h"
#include "memory/snapshot.h"
#include "source/source.h"

/*
 * Makes one, of all RAM that holds data or of the metadata alone. Returns as snapshot_make, and -EPROTO when metadata is
 * asked for and the kernel says nothing of itself.
 */
int source_snapshot(const struct source *source, bool all_memory,
		    const struct snapshot_options *options, struct snapshot *snapshot,
		    struct error *err);

#endif
