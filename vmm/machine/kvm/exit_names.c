/* SPDX-License-Identifier: MPL-2.0 */
/* Names of exit reasons and suberrors, as the KVM API spells them (linux/kvm.h). */
#include <stddef.h>

#include "machine/kvm/kvm.h"

#define NAME(constant) [constant] = #constant

static const char *const exit_names[] = {
	NAME(KVM_EXIT_UNKNOWN),
	NAME(KVM_EXIT_EXCEPTION),
	NAME(KVM_EXIT_IO),
	NAME(KVM_EXIT_HYPERCALL),
	NAME(KVM_EXIT_DEBUG),
	NAME(KVM_EXIT_HLT),
	NAME(KVM_EXIT_MMIO),
	NAME(KVM_EXIT_IRQ_WINDOW_OPEN),
	NAME(KVM_EXIT_SHUTDOWN),
	NAME(KVM_EXIT_FAIL_ENTRY),
	NAME(KVM_EXIT_INTR),
	NAME(KVM_EXIT_SET_TPR),
	NAME(KVM_EXIT_TPR_ACCESS),
	NAME(KVM_EXIT_NMI),
	NAME(KVM_EXIT_INTERNAL_ERROR),
	NAME(KVM_EXIT_OSI),
	NAME(KVM_EXIT_WATCHDOG),
	NAME(KVM_EXIT_EPR),
	NAME(KVM_EXIT_SYSTEM_EVENT),
	NAME(KVM_EXIT_IOAPIC_EOI),
	NAME(KVM_EXIT_HYPERV),
	NAME(KVM_EXIT_X86_RDMSR),
	NAME(KVM_EXIT_X86_WRMSR),
	NAME(KVM_EXIT_DIRTY_RING_FULL),
	NAME(KVM_EXIT_AP_RESET_HOLD),
	NAME(KVM_EXIT_X86_BUS_LOCK),
	NAME(KVM_EXIT_XEN),
};

static const char *const internal_error_names[] = {
	NAME(KVM_INTERNAL_ERROR_EMULATION),
	NAME(KVM_INTERNAL_ERROR_SIMUL_EX),
	NAME(KVM_INTERNAL_ERROR_DELIVERY_EV),
	NAME(KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON),
};

static const char *name_of(const char *const *names, size_t count, unsigned index)
{
	return index < count && names[index] ? names[index] : "unknown";
}

const char *kvm_exit_name(unsigned reason)
{
	return name_of(exit_names, sizeof(exit_names) / sizeof(exit_names[0]), reason);
}

const char *kvm_internal_error_name(unsigned suberror)
{
	return name_of(internal_error_names,
		       sizeof(internal_error_names) / sizeof(internal_error_names[0]), suberror);
}
