/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Looking at an attached VM, over and over, and publishing what was seen: its types when they are new, and its frames
 * by state each time.
 */
#ifndef VMM_VM_LOOK_H
#define VMM_VM_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "fleet/vm_set.h"
#include "inspect/guest_view.h"
#include "inspect/state_scan.h"
#include "memory/published.h"

/* One look, published as attached_vm_looks. */
struct vm_look {
	struct published_object object;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	bool has_ended; /* the VM has: what follows is of before */
	bool has_view;  /* the guest says something that holds water */
	bool is_broken; /* what it says does not */
	enum boot_stage stage;
	bool has_states; /* it has metadata, and its states are: */
	uint64_t slot_count;
	struct state_scan states;
	bool has_matches; /* of the expression that was asked for, it holds for so many frames: */
	uint64_t matches;
	struct error problem; /* not empty: what was asked for makes no sense for this guest */
};

/*
 * Looks at a VM at level 1, and counts the frames that an expression of find means (NULL: none is asked for), and
 * publishes what it saw. The thread is registered with liburcu and the only one that looks at this VM. Returns 0 or
 * -ENOMEM, and then what was published before stays.
 */
int vm_look_make(struct attached_vm *vm, const char *expression, struct error *err);

/* The newest look at it with a reference that vm_look_drop gives back, or NULL: nobody has looked yet. */
const struct vm_look *vm_look_take(struct attached_vm *vm);
void vm_look_drop(const struct vm_look *look);

#endif
