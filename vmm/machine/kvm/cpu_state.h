/* SPDX-License-Identifier: MPL-2.0 */
/* Initial processor state, as pure functions over KVM's structures. */
#ifndef VMM_CPU_STATE_H
#define VMM_CPU_STATE_H

#include <stdint.h>

#include <linux/kvm.h>

#include <pagevisor/address.h>

/*
 * The boot processor in the state that PVH requires (Xen docs, misc/pvh): 32-bit protected mode, flat segments, paging
 * and interrupts off, ebx = start info. The APIC fields of *sregs are unchanged.
 */
void cpu_state_pvh(struct kvm_sregs *sregs, struct kvm_regs *regs, paddr_t entry,
		   paddr_t start_info);

/* Turns the CPUID that the host supports into that of one of `cpus` processors: sets APIC ids and topology. */
void cpu_state_cpuid(struct kvm_cpuid2 *cpuid, unsigned cpu, unsigned cpus);

#endif
