/* SPDX-License-Identifier: MPL-2.0 */
/* What is read in the JSON reports of `run` and `check`, processes of our own. */
#ifndef VMM_STRESS_VM_REPORT_H
#define VMM_STRESS_VM_REPORT_H

#include "cli/stress/discovery.h"

/* The findings of a report, up to `max` of them; none when the text is no report. */
unsigned vm_report_findings(const char *text, enum finder finder, struct discovery *found,
			    unsigned max);

/* The guest's steps by its own counters; 0 when the report has none. */
uint64_t vm_report_steps(const char *text);

#endif
