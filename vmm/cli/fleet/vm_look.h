/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Looks at an attached VM, over and over: how far its guest has come, how much of its memory is in use and, if an
 * expression is given, how many frames match it.
 */
#ifndef VMM_VM_LOOK_H
#define VMM_VM_LOOK_H

#include "cli/fleet/attached_vm.h"

/*
 * Looks at a VM, and stores the result in its `look`. The time does not depend on the VM's size: the frames in use are
 * the allocator's own count (kind/free_counts.h), and slots are read only to count the frames matching an expression,
 * as in find (NULL: none). The thread is registered with liburcu. Returns 0 or -ENOMEM; the previous look then stays.
 */
int vm_look_make(struct attached_vm *vm, const char *expression, struct error *err);

#endif
