/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with our running VMs, whose sockets come and go with them. */
#ifndef VMM_ROSTER_H
#define VMM_ROSTER_H

#include "base/error.h"
#include "cli/fleet/vm_set.h"

/* A VM that is running but cannot be attached, and why. */
typedef void roster_problem_function(void *context, const char *key, const struct error *why);

/*
 * Attaches the user's running VMs that are not in the set, and removes those of the user's VMs that have ended. For one
 * thread, which is registered with liburcu. May wait for a VM that does not answer. `problem` may be NULL. Returns 0,
 * or a negative errno if VMs cannot be listed; the set is then unchanged.
 */
int roster_refresh(struct vm_set *set, roster_problem_function *problem, void *context,
		   struct error *err);

#endif
