/* SPDX-License-Identifier: MPL-2.0 */
/* Which parts of a vCPU's state this host's KVM has: see state_facts.h. */
#include "machine/kvm/state_facts.h"

#include <errno.h>
#include <stdlib.h>

#include <pagevisor/x86.h>

#include "machine/kvm/kvm.h"

/* Of Hyper-V's interface, which our guests are not offered: reading some of them fails. */
#define MSR_HYPERV_FIRST 0x40000000
#define MSR_HYPERV_LAST  0x400001ff

/* The TSC has a part of its own: what is written to the MSR is an instant late. */
static bool is_left_out(uint32_t index)
{
	return index == MSR_TSC || (index >= MSR_HYPERV_FIRST && index <= MSR_HYPERV_LAST);
}

static int read_msrs(struct state_facts *facts, int kvm_fd, struct error *err)
{
	struct kvm_msr_list *list =
		calloc(1, sizeof(*list) + STATE_MSRS_MAX * sizeof(list->indices[0]));

	if (!list)
		return error_set(err, -ENOMEM, "no memory for the list of MSRs");
	list->nmsrs = STATE_MSRS_MAX;
	int result = KVM_CALL(kvm_fd, KVM_GET_MSR_INDEX_LIST, list, err);

	for (uint32_t i = 0; result >= 0 && i < list->nmsrs && i < STATE_MSRS_MAX; i++)
		if (!is_left_out(list->indices[i]))
			facts->msrs[facts->msr_count++] = list->indices[i];
	free(list);
	return result < 0 ? result : 0;
}

static bool has(int fd, int capability)
{
	struct error ignored;

	return KVM_CALL(fd, KVM_CHECK_EXTENSION, capability, &ignored) > 0;
}

int state_facts_read(struct state_facts *facts, int kvm_fd, int vm_fd, struct error *err)
{
	/* Of the VM: what a process may give its guests is part of the answer. */
	int size = KVM_CALL(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2, err);

	*facts = (struct state_facts){
		.has_sregs2 = has(vm_fd, KVM_CAP_SREGS2),
		.has_xcrs = has(vm_fd, KVM_CAP_XCRS),
		.has_debugregs = has(vm_fd, KVM_CAP_DEBUGREGS),
		.xsave_size = sizeof(struct kvm_xsave),
	};
	if (size < 0)
		return size;
	if ((size_t)size > facts->xsave_size)
		facts->xsave_size = (size_t)size;
	return read_msrs(facts, kvm_fd, err);
}

bool state_facts_has_msr(const struct state_facts *facts, uint32_t index)
{
	for (unsigned i = 0; i < facts->msr_count; i++)
		if (facts->msrs[i] == index)
			return true;
	return false;
}
