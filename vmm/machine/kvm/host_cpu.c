/* SPDX-License-Identifier: MPL-2.0 */
/* Capabilities of the host's processor: see host_cpu.h. */
#include "machine/kvm/host_cpu.h"

#include <cpuid.h>

/* SDM 2A and APM 3, CPUID. */
#define LEAF_FEATURES          0x1
#define LEAF_FEATURES_EXTENDED 0x80000001
#define ECX_VMX                (1u << 5)
#define ECX_SVM                (1u << 2)

bool host_cpu_runs_ring0(void)
{
	unsigned eax, ebx, ecx, edx;

	if (__get_cpuid(LEAF_FEATURES, &eax, &ebx, &ecx, &edx) && ecx & ECX_VMX)
		return true;
	return __get_cpuid(LEAF_FEATURES_EXTENDED, &eax, &ebx, &ecx, &edx) && ecx & ECX_SVM;
}
