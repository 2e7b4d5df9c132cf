/* SPDX-License-Identifier: MPL-2.0 */
/* The processor's random numbers (SDM volume 1, 7.3.17). Neither instruction is privileged. */
#ifndef GUEST_HARDWARE_RANDOM_H
#define GUEST_HARDWARE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/x86.h>

/* The SDM's advice: a generator that still fails after this many tries is broken. */
#define RDRAND_TRIES 10

static inline bool has_rdrand(void)
{
	uint32_t eax = CPUID_LEAF_FEATURES, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ecx & CPUID_ECX_RDRAND;
}

/* False if there is no random number; *value is then meaningless. */
static inline bool hardware_random(uint64_t *value)
{
	bool is_set = false;

	if (!has_rdrand())
		return false;
	for (unsigned try = 0; try < RDRAND_TRIES && !is_set; try++)
		__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(is_set));
	return is_set;
}

#endif
