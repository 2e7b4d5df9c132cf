/* SPDX-License-Identifier: MPL-2.0 */
/* Capabilities of the host's processor. */
#ifndef VMM_HOST_CPU_H
#define VMM_HOST_CPU_H

#include <stdbool.h>

/*
 * Whether the processor has VT-x or SVM, so that KVM runs a guest's ring 0 natively. Otherwise KVM emulates ring 0 and
 * runs ring 3 natively.
 */
bool host_cpu_runs_ring0(void);

#endif
