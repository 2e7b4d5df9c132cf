/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the set of attached VMs what runs, for domains of this machine's libvirt with a guest of ours. */
#ifndef VMM_LIBVIRT_ROSTER_H
#define VMM_LIBVIRT_ROSTER_H

#include "cli/fleet/roster.h"
#include "cli/fleet/vm_set.h"
#include "source/libvirt/connection.h"

/* A daemon that has not answered by then is left out. */
#define LIBVIRT_ROSTER_TIMEOUT_MS 2000

/*
 * As roster_refresh, for the domains of local_daemons. A libvirt that is not there and domains that are none of ours are
 * no problem.
 */
void libvirt_roster_refresh(struct vm_set *set, roster_problem_function *problem, void *context);

/* The same for one daemon, whose domains are known. */
void libvirt_roster_attach(struct vm_set *set, const char *prefix,
			   const struct domain_facts *domains, unsigned count);

/* Removes the domains that have ended. */
void libvirt_roster_remove_ended(struct vm_set *set);

#endif
