/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Looking at an attached VM, over and over, and publishing what was seen: how far its guest has come, how much of
 * its memory is in use, and when an expression is asked for, its types and the frames that it means.
 */
#ifndef VMM_VM_LOOK_H
#define VMM_VM_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/fleet/vm_set.h"
#include "kind/guest.h"
#include "memory/published.h"

/* One look, published as attached_vm_looks. */
struct vm_look {
	struct published_object object;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	bool has_ended; /* the VM has: what follows is of before */
	bool has_view;  /* the guest says something that holds water */
	bool is_broken; /* what it says does not */
	const char *stage;
	uint64_t frame_count; /* 0: it has no metadata yet */
	bool has_use;         /* its allocator tells how many frames are in use, about: */
	uint64_t in_use;
	bool has_matches; /* of the expression that was asked for, it holds for so many frames: */
	uint64_t matches;
	struct pause_holder holder; /* who had paused it, where it tells */
	struct error problem; /* not empty: what was asked for makes no sense for this guest */
};

/*
 * Looks at a VM, and publishes what it saw. It takes no longer for a large VM than for a small one: what is in use is the
 * allocator's own count (kind/free_counts.h), and slots are read only to count the frames that an expression of
 * find means (NULL: none is asked for). The thread is registered with liburcu and the only one that looks at this VM. Returns 0 or
 * -ENOMEM, and then what was published before stays.
 */
int vm_look_make(struct attached_vm *vm, const char *expression, struct error *err);

/* The newest look at it with a reference that vm_look_drop gives back, or NULL: nobody has looked yet. */
const struct vm_look *vm_look_take(struct attached_vm *vm);
void vm_look_drop(const struct vm_look *look);

#endif
