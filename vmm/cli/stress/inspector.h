/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An inspector of a stress run, a process of its own that attaches as any other would: it scans at a rate, and may pause
 * the VM at random. Says on standard output, a line each
 *
 *     look STEPS ALLOCATED FREED IN_USE SLOTS    after a scan
 *     finding STEPS TEXT                         what is broken, once; TEXT as finding_format's
 */
#ifndef VMM_STRESS_INSPECTOR_H
#define VMM_STRESS_INSPECTOR_H

#include <stdbool.h>

/* Until the VM has ended. Returns STATUS_OK, or STATUS_REFUSED when it could not attach. */
int stress_inspector(const char *vm, unsigned rate, bool pauses);

#endif
