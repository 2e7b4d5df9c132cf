/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A snapshot: a private copy of a guest's memory as of one instant.
 *
 * The copy is a guest_memory of its own with the same guest addresses, so code that reads a guest reads a snapshot
 * unchanged. Most of it is copied while the guest runs. Then the vCPUs are paused, pages written meanwhile are copied
 * again, and the vCPUs resume: the whole copy is as of the pause. Holes of the guest's sparse RAM are not touched and
 * are holes in the copy, as is memory outside the plan.
 */
#ifndef VMM_SNAPSHOT_H
#define VMM_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/control.h"
#include "memory/guest_memory.h"
#include "memory/page_set.h"
#include "memory/ranges.h"

enum snapshot_method {
	SNAPSHOT_AT_REST,     /* the guest does not run: a plain copy */
	SNAPSHOT_WHOLE_PAUSE, /* copied while the vCPUs were paused */
	/* Copied while they ran; pages written meanwhile copied again while they were paused. */
	SNAPSHOT_DIRTY_LOG,
};

const char *snapshot_method_name(enum snapshot_method method);

/*
 * Which memory to copy. What a kernel publishes about itself may change while it runs, so `find` is called before the
 * copy and again in the pause.
 */
struct snapshot_plan {
	void (*find)(void *context, const struct guest_memory *memory,
		     struct memory_ranges *ranges);
	void *context;
	/*
	 * More pages, which were found while the guest ran: too much work for the pause, in which they are copied. NULL: none.
	 */
	const struct page_set *more;
};

struct snapshot_options {
	bool whole_pause; /* do not use the dirty log, even if there is one: for comparison */

	/*
	 * Called after each piece of the copy, never while the guest is paused. Some bytes of `total` may be holes.
	 * Returning false ends the copy with -ECANCELED.
	 */
	bool (*progress)(void *context, uint64_t done, uint64_t total);
	void *progress_context;

	/*
	 * Called when the pause has begun and before it ends: whether nothing happened in it. Returns 0, or a negative
	 * errno with a text, which ends the copy. NULL: the pause is trusted.
	 */
	int (*guard)(void *context, bool is_end, struct error *err);
	void *guard_context;

	/*
	 * Called at the end of the pause, after the copy, for what else has to be of this instant. Returns 0, or a negative errno
	 * with a text, which ends the copy. Not called for a guest at rest. NULL: there is nothing.
	 */
	int (*in_pause)(void *context, const struct control *control, struct error *err);
	void *in_pause_context;
};

struct snapshot_facts {
	enum snapshot_method method;
	uint64_t paused_ns; /* as the control measured it */
	uint64_t
		/* Copied while the guest ran. A page counts each time it is copied. */
		pages_running;
	uint64_t pages_paused; /* copied while the guest was paused */
	uint64_t duration_ns;
	bool all_memory;
	uint64_t names_left_out; /* bytes of names that were too many to copy; 0: none were */
};

struct snapshot {
	struct guest_memory memory; /* mapped read-only */
	int fd;         /* the memfd behind it; its blocks are the memory that the copy takes */
	uint64_t taken; /* bytes of memory.budget */
	struct snapshot_facts facts;
};

/*
 * Makes a snapshot of the memory that the plan finds; a NULL plan means all RAM that holds data. The control is NULL
 * for a guest at rest. The calling thread is registered with liburcu, and no other thread uses the control meanwhile.
 * Returns 0 or a negative errno with a line of text: -ENOTSUP the guest cannot be paused, -EAGAIN its memory map
 * changed meanwhile, -E2BIG the memory's budget does not allow the copy, -ECANCELED progress returned false. On failure
 * nothing is left behind, the guest runs and the dirty log is off.
 */
int snapshot_make(const struct guest_memory *memory, const struct control *control,
		  const struct snapshot_plan *plan, const struct snapshot_options *options,
		  struct snapshot *snapshot, struct error *err);

void snapshot_close(struct snapshot *snapshot);

#endif
