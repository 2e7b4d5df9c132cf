/* SPDX-License-Identifier: MPL-2.0 */
/* What the host's processor can do for a guest. */
#ifndef VMM_HOST_CPU_H
#define VMM_HOST_CPU_H

#include <stdbool.h>

/*
 * VT-x or SVM: KVM runs a guest's ring 0 natively. Without them ring 0 is emulated and ring 3
 * native.
 */
bool host_cpu_runs_ring0(void);

#endif
