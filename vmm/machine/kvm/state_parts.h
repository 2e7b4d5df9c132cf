/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The parts of a saved machine (memory/machine_state.h) that belong to KVM. Most of them are a structure of KVM's, byte for
 * byte (KVM api.rst, section 4). Another version has other parts.
 */
#ifndef VMM_STATE_PARTS_H
#define VMM_STATE_PARTS_H

#include <stdint.h>

#include "memory/machine_state.h"

#define STATE_VERSION 1

enum state_part {
	/* Of the machine. */
	STATE_MACHINE = MACHINE_PART_ENGINE, /* struct state_machine */
	STATE_IRQCHIP,                       /* struct kvm_irqchip; `cpu` is its number */
	STATE_PIT,                           /* struct kvm_pit_state2 */
	STATE_CLOCK,                         /* uint64_t: KVM's clock in ns */
	STATE_SERIAL,                        /* struct serial_state */
	STATE_STAGES,                        /* struct boot_stages_state */
	/* Of each vCPU. */
	STATE_CPUID, /* array of struct kvm_cpuid_entry2, as they were set */
	STATE_TSC,   /* uint64_t: what the guest reads at the instant of saving, the same for all */
	STATE_MP,
	STATE_REGS,
	STATE_SREGS,
	STATE_SREGS2, /* instead of STATE_SREGS, where KVM has it */
	STATE_XSAVE,
	STATE_XCRS,
	STATE_LAPIC,
	STATE_EVENTS,
	STATE_DEBUGREGS,
	STATE_MSRS, /* array of struct kvm_msr_entry */
};

struct state_machine {
	uint32_t version; /* STATE_VERSION */
	uint32_t cpu_count;
	uint64_t memory; /* bytes */
	uint64_t tsc_khz;
};

_Static_assert(sizeof(struct state_machine) == 24, "the format of a saved machine is fixed");

#endif
