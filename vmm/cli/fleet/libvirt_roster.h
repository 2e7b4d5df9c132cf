/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with the domains of this machine's libvirt that run a pagevisor guest. */
#ifndef VMM_LIBVIRT_ROSTER_H
#define VMM_LIBVIRT_ROSTER_H

#include "cli/fleet/roster.h"
#include "cli/fleet/vm_set.h"
#include "source/libvirt/connection.h"

/* A daemon that does not answer in time is left out. */
#define LIBVIRT_ROSTER_TIMEOUT_MS 2000

/*
 * As roster_refresh, for the domains of local_daemons. A missing libvirt, and domains without a pagevisor guest, are
 * not reported.
 */
void libvirt_roster_refresh(struct vm_set *set, roster_problem_function *problem, void *context);

/* The same for one daemon whose domains are known. */
void libvirt_roster_attach(struct vm_set *set, const char *prefix,
			   const struct domain_facts *domains, unsigned count);

/* Removes the domains that have ended. */
void libvirt_roster_remove_ended(struct vm_set *set);

#endif
