/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keeps the attached set in step with the QEMUs that run here and have a guest of a known kind. One that is listed in
 * another way is left out: the QEMU of one of our VMs, of a domain.
 */
#ifndef VMM_QEMU_ROSTER_H
#define VMM_QEMU_ROSTER_H

#include "cli/fleet/survey.h"
#include "cli/fleet/vm_candidates.h"
#include "source/qemu/qemu_list.h"
#include "source/vm/own_vm.h"

/* Who was looked into in vain. A list that is watched does so a few times, while a guest may boot. */
struct qemu_roster {
	unsigned count;
	struct qemu_tries {
		uint32_t pid;
		uint64_t start_ticks;
		unsigned looks;
	} tries[QEMU_LIST_MAX];
};

/*
 * As roster_survey. `roster` is NULL for a list that is made once. Those that are no QEMU, or have another guest, are not
 * reported. Returns 0 or a negative errno.
 */
int qemu_roster_survey(struct survey *survey, struct qemu_roster *roster, struct error *err);

/* After a survey: closes the QEMUs of domains in the set. */
void qemu_roster_remove_doubles(struct vm_set *set);

/* Removes those that have ended. */
void qemu_roster_remove_ended(struct vm_set *set);

/* Adds all QEMUs but those of our own VMs, by their names alone: some may have another guest. */
void qemu_roster_names(struct vm_candidates *candidates);

#endif
