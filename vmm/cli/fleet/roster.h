/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the set of attached VMs what runs: VMs of ours come and go with their sockets. */
#ifndef VMM_ROSTER_H
#define VMM_ROSTER_H

#include "base/error.h"
#include "cli/fleet/vm_set.h"

/* A VM that is there but cannot be attached, and why. */
typedef void roster_problem_function(void *context, const char *key, const struct error *why);

/*
 * Attaches the user's VMs that run and are not in the set, and removes those of them that have ended. One thread, and
 * registered with liburcu. May wait for a VM that does not answer. `problem` may be NULL. Returns 0, or a negative
 * errno when VMs cannot be listed, and then the set is what it was.
 */
int roster_refresh(struct vm_set *set, roster_problem_function *problem, void *context,
		   struct error *err);

#endif
