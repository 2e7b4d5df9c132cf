/* SPDX-License-Identifier: MPL-2.0 */
/* Keeps the attached set in step with our running VMs, whose sockets come and go with them. */
#ifndef VMM_ROSTER_H
#define VMM_ROSTER_H

#include "base/error.h"
#include "cli/fleet/survey.h"
#include "cli/fleet/vm_candidates.h"

/*
 * Attaches the user's running VMs that are not in the survey's set. Waits for none of them. Returns 0, or a negative
 * errno if VMs cannot be listed.
 */
int roster_survey(struct survey *survey, struct error *err);

/* Adds the user's VMs that live, whether they answer or not. Returns as roster_survey. */
int roster_names(struct vm_candidates *candidates, struct error *err);

/* Removes those of the user's VMs that have ended. */
void roster_remove_ended(struct vm_set *set);

#endif
