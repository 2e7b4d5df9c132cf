/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A snapshot: a private copy of a guest's memory as of one instant.
 *
 * The copy is a guest_memory of its own with the same guest addresses, so that all that reads a guest reads it
 * unchanged. It is made while the guest runs; then the vCPUs are paused, what was written meanwhile is copied
 * again, and they go on: all of the copy is of the moment of the pause. Holes of the guest's sparse RAM are not
 * touched and are holes in the copy; so is what was not asked for.
 */
#ifndef VMM_SNAPSHOT_H
#define VMM_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/control.h"
#include "memory/guest_memory.h"
#include "memory/ranges.h"

enum snapshot_method {
	SNAPSHOT_AT_REST,     /* the guest does not run: a plain copy */
	SNAPSHOT_WHOLE_PAUSE, /* copied while the vCPUs stood still */
	SNAPSHOT_DIRTY_LOG, /* copied while they ran, what they wrote once more while they stood still */
};

const char *snapshot_method_name(enum snapshot_method method);

/*
 * Which memory to copy. What a kernel publishes of itself may change while it runs, so that it is asked before the copy
 * and once more in the pause.
 */
struct snapshot_plan {
	void (*find)(void *context, const struct guest_memory *memory,
		     struct memory_ranges *ranges);
	void *context;
};

struct snapshot_options {
	bool whole_pause;   /* no dirty log, even if there is one: to compare */
	uint64_t max_bytes; /* a copy that would be larger is refused; 0: no limit */

	/*
	 * Called while the guest runs, never while it is paused, after each piece of the copy. Bytes of
	 * `total` may be holes. False ends it with -ECANCELED.
	 */
	bool (*progress)(void *context, uint64_t done, uint64_t total);
	void *progress_context;
};

struct snapshot_facts {
	enum snapshot_method method;
	uint64_t paused_ns; /* as its control measured it */
	uint64_t
		pages_running; /* copied while the guest ran, one counted as often as it was copied */
	uint64_t pages_paused; /* copied while it stood still */
	uint64_t duration_ns;
	bool all_memory;
};

struct snapshot {
	struct guest_memory memory; /* mapped read-only */
	int fd;                     /* the memfd behind it: its blocks are what the copy takes */
	struct snapshot_facts facts;
};

/*
 * Makes one of the memory that the plan finds, NULL: of all RAM that holds data. The control is NULL for a guest at rest.
 * The calling thread is registered with liburcu and is the only one that uses the control meanwhile. Returns 0 or a
 * negative errno with a line of text: -ENOTSUP a guest that cannot be paused, -EAGAIN its memory map changed meanwhile,
 * -E2BIG more than max_bytes, -ECANCELED. On failure nothing is left behind, the guest runs and the dirty log is off.
 */
int snapshot_make(const struct guest_memory *memory, const struct control *control,
		  const struct snapshot_plan *plan, const struct snapshot_options *options,
		  struct snapshot *snapshot, struct error *err);

void snapshot_close(struct snapshot *snapshot);

#endif
