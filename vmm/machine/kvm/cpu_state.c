/* SPDX-License-Identifier: MPL-2.0 */
/* Initial processor state: see cpu_state.h. */
#include "machine/kvm/cpu_state.h"

#include <pagevisor/x86.h>

#define SEGMENT_LIMIT_FLAT 0xffffffff

/* CPUID leaves that contain the APIC id (SDM 2A, CPUID). */
#define CPUID_FEATURES       0x1
#define CPUID_TOPOLOGY       0xb
#define CPUID_TOPOLOGY_V2    0x1f
#define CPUID1_APIC_ID_SHIFT 24
#define CPUID1_COUNT_SHIFT   16
#define CPUID1_EBX_KEEP      UINT32_C(0x0000ffff)

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = SEGMENT_LIMIT_FLAT,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = 1, /* 32-bit */
		.s = 1,  /* code or data */
		.g = 1,  /* limit in pages */
	};
}

void cpu_state_pvh(struct kvm_sregs *sregs, struct kvm_regs *regs, paddr_t entry,
		   paddr_t start_info)
{
	const struct kvm_segment data = flat_segment(SELECTOR_KERNEL_DATA, SEGMENT_TYPE_DATA);

	sregs->cs = flat_segment(SELECTOR_KERNEL_CODE, SEGMENT_TYPE_CODE);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = (struct kvm_segment){.limit = 0x67, .type = SEGMENT_TYPE_BUSY, .present = 1};
	sregs->cr0 = CR0_PE | CR0_ET;
	sregs->cr3 = 0;
	sregs->cr4 = 0;
	sregs->efer = 0;
	*regs = (struct kvm_regs){
		.rip = entry.addr, .rbx = start_info.addr, .rflags = RFLAGS_RESERVED};
}

void cpu_state_cpuid(struct kvm_cpuid2 *cpuid, unsigned cpu, unsigned cpus)
{
	for (unsigned i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		switch (entry->function) {
		case CPUID_FEATURES:
			entry->ebx &= CPUID1_EBX_KEEP;
			entry->ebx |= cpu << CPUID1_APIC_ID_SHIFT | cpus << CPUID1_COUNT_SHIFT;
			break;
		case CPUID_TOPOLOGY:
		case CPUID_TOPOLOGY_V2:
			entry->edx = cpu;
			break;
		}
	}
}
