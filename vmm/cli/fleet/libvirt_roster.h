/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with the domains of this machine's libvirt that run a pagevisor guest. */
#ifndef VMM_LIBVIRT_ROSTER_H
#define VMM_LIBVIRT_ROSTER_H

#include "cli/fleet/survey.h"
#include "cli/fleet/vm_candidates.h"
#include "source/libvirt/connection.h"
#include "source/libvirt/local_daemons.h"

/* As local_daemons; none if domains are not to be listed. */
unsigned listed_daemons(struct local_daemon *daemons);

/*
 * As roster_survey, for the domains of local_daemons. A missing libvirt, and domains without a pagevisor guest, are not
 * reported; a daemon that does not answer in time is.
 */
void libvirt_roster_survey(struct survey *survey);

/* The same for one daemon whose domains are known. */
void libvirt_roster_attach(struct survey *survey, const char *prefix,
			   const struct domain_facts *domains, unsigned count);

/* Adds all domains, by their names alone: some may have another guest. Waits for the daemons until the deadline. */
void libvirt_roster_names(struct vm_candidates *candidates);

/* Removes the domains that have ended. */
void libvirt_roster_remove_ended(struct vm_set *set);

#endif
