/* SPDX-License-Identifier: MPL-2.0 */
/* What is read from the JSON reports of `run` and `check`. */
#ifndef VMM_STRESS_VM_REPORT_H
#define VMM_STRESS_VM_REPORT_H

#include "cli/stress/discovery.h"
#include "kind/console_report.h"

#define VM_REPORT_FOUND_MAX 8

struct vm_report {
	uint64_t steps; /* of the guest, by its own counters */
	struct planted_fault planted;
	unsigned found_count;
	struct discovery found[VM_REPORT_FOUND_MAX]; /* later ones are left out */
};

/*
 * Reads the guest's own failures, and the findings, as found by `finder`. Missing members, and a text that is not a
 * report, give zeroes.
 */
void vm_report_read(const char *text, enum finder finder, struct vm_report *report);

#endif
