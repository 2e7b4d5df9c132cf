/* SPDX-License-Identifier: MPL-2.0 */
/* The state of one vCPU: see vcpu_state.h. */
#include "machine/kvm/vcpu_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "machine/kvm/cpuid_check.h"
#include "machine/kvm/kvm.h"
#include "machine/kvm/state_parts.h"

/* A part that is one structure of KVM's. */
struct plain_part {
	uint32_t type;
	size_t size;
	unsigned long get, set;
	const char *get_name, *set_name;
};

#define PART(type, call, structure)                                                                \
	{                                                                                          \
		type, sizeof(structure), KVM_GET_##call, KVM_SET_##call, "KVM_GET_" #call,         \
			"KVM_SET_" #call                                                           \
	}

static const struct plain_part part_mp = PART(STATE_MP, MP_STATE, struct kvm_mp_state);
static const struct plain_part part_regs = PART(STATE_REGS, REGS, struct kvm_regs);
static const struct plain_part part_sregs = PART(STATE_SREGS, SREGS, struct kvm_sregs);
static const struct plain_part part_sregs2 = PART(STATE_SREGS2, SREGS2, struct kvm_sregs2);
static const struct plain_part part_xcrs = PART(STATE_XCRS, XCRS, struct kvm_xcrs);
static const struct plain_part part_lapic = PART(STATE_LAPIC, LAPIC, struct kvm_lapic_state);
static const struct plain_part part_events =
	PART(STATE_EVENTS, VCPU_EVENTS, struct kvm_vcpu_events);
static const struct plain_part part_debugregs =
	PART(STATE_DEBUGREGS, DEBUGREGS, struct kvm_debugregs);

/* Any of them. */
union plain_state {
	struct kvm_mp_state mp;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_sregs2 sregs2;
	struct kvm_xcrs xcrs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
};

#define PLAIN_PARTS_MAX 7

/*
 * Fills `list` in the order of reading: KVM_GET_MP_STATE accepts a pending INIT or SIPI, which changes other registers.
 * Returns how many there are.
 */
static unsigned plain_parts(const struct state_facts *facts, const struct plain_part **list)
{
	unsigned count = 0;

	list[count++] = &part_mp;
	list[count++] = &part_regs;
	list[count++] = facts->has_sregs2 ? &part_sregs2 : &part_sregs;
	list[count++] = &part_lapic;
	list[count++] = &part_events;
	if (facts->has_xcrs)
		list[count++] = &part_xcrs;
	if (facts->has_debugregs)
		list[count++] = &part_debugregs;
	return count;
}

/* ---- MSRs ---- */

static struct kvm_msrs *msrs_create(unsigned count, struct error *err)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + count * sizeof(msrs->entries[0]));

	if (!msrs)
		error_set(err, -ENOMEM, "no memory for %u MSRs", count);
	return msrs;
}

/*
 * Reads what can be read: KVM lists some that this vCPU's CPUID lacks, and stops at each. Returns how many remain, or an error.
 */
static int read_msrs(const struct vcpu *vcpu, struct kvm_msrs *msrs, struct error *err)
{
	unsigned count = msrs->nmsrs;

	for (;;) {
		msrs->nmsrs = count;
		int done = KVM_CALL(vcpu->fd, KVM_GET_MSRS, msrs, err);

		if (done < 0)
			return done;
		if ((unsigned)done >= count)
			return (int)count;
		count--;
		memmove(&msrs->entries[done], &msrs->entries[done + 1],
			(count - (unsigned)done) * sizeof(msrs->entries[0]));
	}
}

static int get_msrs(const struct vcpu *vcpu, const struct state_facts *facts,
		    struct machine_state *state, struct error *err)
{
	struct kvm_msrs *msrs = msrs_create(facts->msr_count, err);

	if (!msrs)
		return -ENOMEM;
	msrs->nmsrs = facts->msr_count;
	for (unsigned i = 0; i < facts->msr_count; i++)
		msrs->entries[i].index = facts->msrs[i];
	int result = read_msrs(vcpu, msrs, err);

	if (result >= 0)
		result = machine_state_add(state, STATE_MSRS, vcpu->index, msrs->entries,
					   (size_t)result * sizeof(msrs->entries[0]), err);
	free(msrs);
	return result;
}

/* Sets one MSR. One that KVM refuses is no failure if it has that value already: some are constant. */
static int set_msr(const struct vcpu *vcpu, const struct kvm_msr_entry *entry, struct error *err)
{
	_Alignas(struct kvm_msrs) uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(*entry)] = {0};
	struct kvm_msrs *msrs = (struct kvm_msrs *)bytes;

	msrs->nmsrs = 1;
	msrs->entries[0] = *entry;
	int result = KVM_CALL(vcpu->fd, KVM_SET_MSRS, msrs, err);

	if (result != 0)
		return result < 0 ? result : 0;
	result = KVM_CALL(vcpu->fd, KVM_GET_MSRS, msrs, err);
	if (result < 0)
		return result;
	return result == 1 && msrs->entries[0].data == entry->data
		       ? 0
		       : error_set(err, -EINVAL,
				   "vCPU %u: KVM does not take %#" PRIx64 " for MSR %#x",
				   vcpu->index, (uint64_t)entry->data, entry->index);
}

static int check_msrs(const struct vcpu *vcpu, const struct state_facts *facts,
		      const struct machine_state *state, struct error *err)
{
	size_t size;
	const struct kvm_msr_entry *entries =
		machine_part_find_any(state, STATE_MSRS, vcpu->index, &size);

	if (!entries || size % sizeof(*entries) || size / sizeof(*entries) > STATE_MSRS_MAX)
		return error_set(err, -EPROTO, "vCPU %u: its list of MSRs is broken", vcpu->index);
	for (size_t i = 0; i < size / sizeof(*entries); i++)
		if (!state_facts_has_msr(facts, entries[i].index))
			return error_set(
				err, -ENOTSUP,
				"vCPU %u: the guest was saved with MSR %#x, which this host's KVM lacks",
				vcpu->index, entries[i].index);
	return 0;
}

/* Sets all MSRs but the deadline of the APIC's timer, or that one alone. */
static int set_msrs(const struct vcpu *vcpu, bool deadline, const struct machine_state *state,
		    struct error *err)
{
	size_t size;
	const struct kvm_msr_entry *entries =
		machine_part_find_any(state, STATE_MSRS, vcpu->index, &size);
	int result = 0;

	for (size_t i = 0; result == 0 && i < size / sizeof(*entries); i++)
		if ((entries[i].index == MSR_TSC_DEADLINE) == deadline)
			result = set_msr(vcpu, &entries[i], err);
	return result;
}

/* ---- TSC ---- */

static int tsc_offset(const struct vcpu *vcpu, uint64_t *offset, bool set, struct error *err)
{
	const struct kvm_device_attr attribute = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return set ? KVM_CALL(vcpu->fd, KVM_SET_DEVICE_ATTR, &attribute, err)
		   : KVM_CALL(vcpu->fd, KVM_GET_DEVICE_ATTR, &attribute, err);
}

static int get_tsc(const struct vcpu *vcpu, uint64_t host_tsc, struct machine_state *state,
		   struct error *err)
{
	uint64_t offset;
	int result = tsc_offset(vcpu, &offset, false, err);
	const uint64_t tsc = result < 0 ? 0 : host_tsc + offset;

	return result < 0
		       ? result
		       : machine_state_add(state, STATE_TSC, vcpu->index, &tsc, sizeof(tsc), err);
}

/*
 * A stored offset would let the time of the pause, and of another host, pass in the guest: its deadlines would expire. Where
 * KVM does not take an offset, as where the guest reads the host's TSC, that cannot be helped, unless time would run backwards.
 */
static int set_tsc(const struct vcpu *vcpu, uint64_t host_tsc, const struct machine_state *state,
		   bool *is_late, struct error *err)
{
	const uint64_t *tsc = machine_part_find(state, STATE_TSC, vcpu->index, sizeof(*tsc));
	uint64_t offset = *tsc - host_tsc, taken = 0;
	int result = tsc_offset(vcpu, &offset, true, err);

	if (result >= 0)
		result = tsc_offset(vcpu, &taken, false, err);
	if (result < 0 || taken == offset)
		return result;
	*is_late = true;
	return host_tsc + taken >= *tsc
		       ? 0
		       : error_set(
				 err, -ENOTSUP,
				 "this host's KVM cannot set the guest's TSC, which would run backwards");
}

/* ---- registers for debuggers ---- */

static uint64_t kernel_gs_base(const struct vcpu *vcpu, const struct machine_state *state)
{
	size_t size;
	const struct kvm_msr_entry *entries =
		machine_part_find_any(state, STATE_MSRS, vcpu->index, &size);

	for (size_t i = 0; entries && i < size / sizeof(*entries); i++)
		if (entries[i].index == MSR_KERNEL_GS_BASE)
			return entries[i].data;
	return 0;
}

/* Made of the parts that were added before. Both structures of special registers begin alike. */
static int add_registers(const struct vcpu *vcpu, const struct state_facts *facts,
			 struct machine_state *state, struct error *err)
{
	const struct kvm_regs *regs =
		machine_part_find(state, STATE_REGS, vcpu->index, sizeof(*regs));
	const void *special = facts->has_sregs2
				      ? machine_part_find(state, STATE_SREGS2, vcpu->index,
							  sizeof(struct kvm_sregs2))
				      : machine_part_find(state, STATE_SREGS, vcpu->index,
							  sizeof(struct kvm_sregs));
	const struct kvm_sregs2 *sregs = special;
	const struct machine_registers registers = {
		.general = {[MACHINE_RAX] = regs->rax,
			    [MACHINE_RCX] = regs->rcx,
			    [MACHINE_RDX] = regs->rdx,
			    [MACHINE_RBX] = regs->rbx,
			    [MACHINE_RSP] = regs->rsp,
			    [MACHINE_RBP] = regs->rbp,
			    [MACHINE_RSI] = regs->rsi,
			    [MACHINE_RDI] = regs->rdi,
			    [MACHINE_R8] = regs->r8,
			    regs->r9,
			    regs->r10,
			    regs->r11,
			    regs->r12,
			    regs->r13,
			    regs->r14,
			    regs->r15},
		.rip = regs->rip,
		.rflags = regs->rflags,
		.cs = sregs->cs.selector,
		.ss = sregs->ss.selector,
		.ds = sregs->ds.selector,
		.es = sregs->es.selector,
		.fs = sregs->fs.selector,
		.gs = sregs->gs.selector,
		.fs_base = sregs->fs.base,
		.gs_base = sregs->gs.base,
		.kernel_gs_base = kernel_gs_base(vcpu, state),
		.cr0 = sregs->cr0,
		.cr2 = sregs->cr2,
		.cr3 = sregs->cr3,
		.cr4 = sregs->cr4,
		.efer = sregs->efer,
	};

	return machine_state_add(state, MACHINE_PART_REGISTERS, vcpu->index, &registers,
				 sizeof(registers), err);
}

_Static_assert(offsetof(struct kvm_sregs, efer) == offsetof(struct kvm_sregs2, efer),
	       "both structures of special registers begin alike");

/* ---- all of it ---- */

static int get_plain(const struct vcpu *vcpu, const struct plain_part *part,
		     struct machine_state *state, struct error *err)
{
	union plain_state bytes;

	memset(&bytes, 0, sizeof(bytes));
	int result = kvm_call(vcpu->fd, part->get, part->get_name, (uintptr_t)&bytes, err);

	return result < 0
		       ? result
		       : machine_state_add(state, part->type, vcpu->index, &bytes, part->size, err);
}

static int get_xsave(const struct vcpu *vcpu, const struct state_facts *facts,
		     struct machine_state *state, struct error *err)
{
	void *area = calloc(1, facts->xsave_size);

	if (!area)
		return error_set(err, -ENOMEM, "no memory for the XSAVE area");
	int result = facts->xsave_size > sizeof(struct kvm_xsave)
			     ? KVM_CALL(vcpu->fd, KVM_GET_XSAVE2, area, err)
			     : KVM_CALL(vcpu->fd, KVM_GET_XSAVE, area, err);

	if (result >= 0)
		result = machine_state_add(state, STATE_XSAVE, vcpu->index, area, facts->xsave_size,
					   err);
	free(area);
	return result;
}

int vcpu_state_get(const struct vcpu *vcpu, const struct state_facts *facts, uint64_t host_tsc,
		   struct machine_state *state, struct error *err)
{
	const struct plain_part *parts[PLAIN_PARTS_MAX];
	const unsigned count = plain_parts(facts, parts);
	int result = machine_state_add(state, STATE_CPUID, vcpu->index, vcpu->cpuid->entries,
				       vcpu->cpuid->nent * sizeof(vcpu->cpuid->entries[0]), err);

	for (unsigned i = 0; result >= 0 && i < count; i++)
		result = get_plain(vcpu, parts[i], state, err);
	if (result >= 0)
		result = get_xsave(vcpu, facts, state, err);
	if (result >= 0)
		result = get_msrs(vcpu, facts, state, err);
	if (result >= 0)
		result = get_tsc(vcpu, host_tsc, state, err);
	if (result >= 0)
		result = add_registers(vcpu, facts, state, err);
	return result < 0 ? result : 0;
}

static int check_cpuid(const struct vcpu *vcpu, const struct machine_state *state,
		       struct error *err)
{
	size_t size;
	const struct kvm_cpuid_entry2 *entries =
		machine_part_find_any(state, STATE_CPUID, vcpu->index, &size);

	if (!entries || size % sizeof(*entries) || size / sizeof(*entries) > CPUID_ENTRIES_MAX)
		return error_set(err, -EPROTO, "vCPU %u: its CPUID table is broken", vcpu->index);
	return cpuid_check(entries, (unsigned)(size / sizeof(*entries)), vcpu->cpuid->entries,
			   vcpu->cpuid->nent, err);
}

static int check_size(const struct vcpu *vcpu, uint32_t type, size_t size, const char *name,
		      const struct machine_state *state, struct error *err)
{
	size_t found;

	if (!machine_part_find_any(state, type, vcpu->index, &found))
		return error_set(err, -EPROTO, "vCPU %u: the part for %s is missing", vcpu->index,
				 name);
	return found == size ? 0
			     : error_set(err, -EPROTO,
					 "vCPU %u: the part for %s has %zu bytes instead of %zu",
					 vcpu->index, name, found, size);
}

int vcpu_state_check(const struct vcpu *vcpu, const struct state_facts *facts,
		     const struct machine_state *state, struct error *err)
{
	const struct plain_part *parts[PLAIN_PARTS_MAX];
	const unsigned count = plain_parts(facts, parts);
	/* First what says why the rest does not fit. */
	int result = check_cpuid(vcpu, state, err);

	for (unsigned i = 0; result == 0 && i < count; i++)
		result = check_size(vcpu, parts[i]->type, parts[i]->size, parts[i]->set_name, state,
				    err);
	if (result == 0)
		result = check_size(vcpu, STATE_XSAVE, facts->xsave_size, "KVM_SET_XSAVE", state,
				    err);
	if (result == 0)
		result = check_size(vcpu, STATE_TSC, sizeof(uint64_t), "the TSC", state, err);
	return result < 0 ? result : check_msrs(vcpu, facts, state, err);
}

static int set_plain(const struct vcpu *vcpu, const struct plain_part *part,
		     const struct machine_state *state, struct error *err)
{
	const void *bytes = machine_part_find(state, part->type, vcpu->index, part->size);
	int result = kvm_call(vcpu->fd, part->set, part->set_name, (uintptr_t)bytes, err);

	return result < 0 ? result : 0;
}

static int set_xsave(const struct vcpu *vcpu, const struct state_facts *facts,
		     const struct machine_state *state, struct error *err)
{
	const void *area = machine_part_find(state, STATE_XSAVE, vcpu->index, facts->xsave_size);
	int result = KVM_CALL(vcpu->fd, KVM_SET_XSAVE, area, err);

	return result < 0 ? result : 0;
}

static int set_cpuid(struct vcpu *vcpu, const struct machine_state *state, struct error *err)
{
	size_t size;
	const struct kvm_cpuid_entry2 *entries =
		machine_part_find_any(state, STATE_CPUID, vcpu->index, &size);

	return vcpu_set_cpuid(vcpu, entries, (unsigned)(size / sizeof(*entries)), err);
}

/* Registers that the timer counts with come before those that set it: the TSC, the APIC, the deadline. */
int vcpu_state_set(struct vcpu *vcpu, const struct state_facts *facts, uint64_t host_tsc,
		   const struct machine_state *state, bool *is_late, struct error *err)
{
	int result = set_cpuid(vcpu, state, err);

	if (result >= 0)
		result =
			set_plain(vcpu, facts->has_sregs2 ? &part_sregs2 : &part_sregs, state, err);
	/* Which components the area may have. */
	if (result >= 0 && facts->has_xcrs)
		result = set_plain(vcpu, &part_xcrs, state, err);
	if (result >= 0)
		result = set_xsave(vcpu, facts, state, err);
	if (result >= 0)
		result = set_tsc(vcpu, host_tsc, state, is_late, err);
	if (result >= 0)
		result = set_msrs(vcpu, false, state, err);
	if (result >= 0)
		result = set_plain(vcpu, &part_lapic, state, err);
	if (result >= 0)
		result = set_msrs(vcpu, true, state, err);
	if (result >= 0)
		result = set_plain(vcpu, &part_regs, state, err);
	if (result >= 0)
		result = set_plain(vcpu, &part_events, state, err);
	if (result >= 0 && facts->has_debugregs)
		result = set_plain(vcpu, &part_debugregs, state, err);
	return result < 0 ? result : set_plain(vcpu, &part_mp, state, err);
}
