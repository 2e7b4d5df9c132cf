/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Looking at an attached VM, over and over: how far its guest has come, how much of its memory is in use, and when an
 * expression is asked for, how many frames match it.
 */
#ifndef VMM_VM_LOOK_H
#define VMM_VM_LOOK_H

#include "cli/fleet/attached_vm.h"

/*
 * Looks at a VM, and keeps in its `look` what it saw. It takes no longer for a large VM than for a small one: what is in
 * use is the allocator's own count (kind/free_counts.h), and slots are read only to count the frames that an expression
 * of find means (NULL: none is asked for). The thread is registered with liburcu. Returns 0 or -ENOMEM, and then the look
 * before stays.
 */
int vm_look_make(struct attached_vm *vm, const char *expression, struct error *err);

#endif
