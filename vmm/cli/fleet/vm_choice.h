/* SPDX-License-Identifier: MPL-2.0 */
/* From the VMs that people name to names for source_open, which denote one each. */
#ifndef VMM_VM_CHOICE_H
#define VMM_VM_CHOICE_H

#include "base/error.h"
#include "cli/confine.h"
#include "cli/fleet/attached_vm.h"

#define VM_CHOICE_MAX 2

struct vm_choice {
	char chosen[VM_CHOICE_MAX][VM_KEY_SIZE];
};

/*
 * Chooses `count` VMs by names as people write them. A name with a prefix, and a capture's path, stay as they are. A
 * plain one is that of one of our VMs, a domain or a QEMU, in this order; NULL is the only VM that ps lists. Confines the
 * process for all of them.
 *
 * Finding one of our VMs waits for nobody. Domains and QEMUs are listed only if none of our VMs has the name. Their memory is
 * read only without a name, to learn which of them carry a guest we know.
 *
 * Returns 0 or a negative errno with one line of text, as vm_candidates_choose and confine_inspector. names[i] is
 * replaced, and valid as long as `choice`. The thread is registered with liburcu.
 */
int vm_choice_make(struct vm_choice *choice, const char **names, unsigned count,
		   const struct confinement *confinement, struct error *err);

#endif
