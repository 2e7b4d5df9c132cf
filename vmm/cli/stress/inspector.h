/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An inspector of a stress run: a separate process that attaches as any other would. It scans at a given rate, and may
 * pause the VM at random. It reports on standard output, one JSON object a line: each scan, each finding once,
 * and each time that the guest did not go on.
 */
#ifndef VMM_STRESS_INSPECTOR_H
#define VMM_STRESS_INSPECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/stress/discovery.h"

struct inspector_report {
	uint64_t steps, allocations, frees; /* by the guest's counters */
	uint64_t in_use, frames;            /* of RAM, after a scan */
	struct discovery found;             /* FINDER_NONE: the report of a scan */
};

/* Returns false if the line is not a report. */
bool inspector_report_read(const char *line, struct inspector_report *report);

/* Runs until the VM has ended. Returns STATUS_OK, or STATUS_REFUSED if it could not attach. */
int stress_inspector(const char *vm, unsigned rate, bool pauses);

#endif
