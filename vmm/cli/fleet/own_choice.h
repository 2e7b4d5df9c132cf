/* SPDX-License-Identifier: MPL-2.0 */
/* One of our VMs, for commands that do more than look. */
#ifndef VMM_OWN_CHOICE_H
#define VMM_OWN_CHOICE_H

#include "attach/vm_name.h"
#include "base/error.h"

/* What is said of VMs that others run, after the name. */
struct own_choice_refusals {
	const char *domain;
	const char *qemu;
};

/*
 * Finds the VM that a name denotes, as vm_choice_make, and confines the process for it. Returns 0 or a negative errno
 * with one line of text; -EINVAL for a VM that others run, and for a capture. The thread is registered with liburcu.
 */
int own_choice_make(const char *name, const struct own_choice_refusals *refusals, struct vm_id *id,
		    struct error *err);

#endif
