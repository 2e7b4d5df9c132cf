/* SPDX-License-Identifier: MPL-2.0 */
/* The state of a VM: see vm_state.h. */
#include "machine/kvm/vm_state.h"

#include <errno.h>
#include <inttypes.h>

#include "machine/kvm/chips_state.h"
#include "machine/kvm/state_parts.h"
#include "machine/kvm/vcpu_state.h"

/* How far two hosts' TSC may differ, as KVM takes it for equal: its parameter tsc_tolerance_ppm. */
#define TSC_TOLERANCE_PPM 250

static struct state_machine machine_of(struct vm *vm)
{
	return (struct state_machine){
		.version = STATE_VERSION,
		.cpu_count = vm->board.cpu_count,
		.memory = guest_memory_size(&vm->memory),
		.tsc_khz = vm_tsc_khz(vm),
	};
}

int vm_state_get(struct vm *vm, struct machine_state *state, struct error *err)
{
	const struct state_machine machine = machine_of(vm);
	const uint64_t host_tsc = __builtin_ia32_rdtsc();

	if (end_latch_is_set(&vm->board.end))
		return error_set(err, -ESHUTDOWN, "the guest has ended");
	int result = machine_state_add(state, STATE_MACHINE, 0, &machine, sizeof(machine), err);

	for (unsigned i = 0; result == 0 && i < vm->board.cpu_count; i++)
		result = vcpu_state_get(&vm->vcpus[i], &vm->facts, host_tsc, state, err);
	return result < 0 ? result : chips_state_get(vm->board.vm_fd, state, err);
}

static int check_machine(struct vm *vm, const struct machine_state *state, struct error *err)
{
	const struct state_machine own = machine_of(vm);
	size_t size;
	const struct state_machine *saved = machine_part_find_any(state, STATE_MACHINE, 0, &size);

	if (!saved || size < sizeof(saved->version))
		return error_set(err, -ENOTSUP, "it has no state of a machine on KVM");
	if (saved->version != own.version)
		return error_set(
			err, -ENOTSUP,
			"the state of its machine has version %u, and this command reads %u",
			saved->version, own.version);
	if (size != sizeof(*saved) || saved->cpu_count != own.cpu_count ||
	    saved->memory != own.memory)
		return error_set(err, -EPROTO,
				 "the state of its machine is that of another machine");
	const uint64_t difference = saved->tsc_khz > own.tsc_khz ? saved->tsc_khz - own.tsc_khz
								 : own.tsc_khz - saved->tsc_khz;

	if (difference > own.tsc_khz * TSC_TOLERANCE_PPM / 1000000)
		return error_set(err, -ENOTSUP,
				 "the guest was saved with a TSC of %" PRIu64
				 " kHz, and this host's has %" PRIu64 " kHz",
				 saved->tsc_khz, own.tsc_khz);
	return 0;
}

static int check(struct vm *vm, const struct machine_state *state, struct error *err)
{
	if (!machine_state_is_whole(state))
		return error_set(err, -EPROTO, "the state of its machine is cut short or damaged");
	int result = check_machine(vm, state, err);

	for (unsigned i = 0; result == 0 && i < vm->board.cpu_count; i++)
		result = vcpu_state_check(&vm->vcpus[i], &vm->facts, state, err);
	return result < 0 ? result : chips_state_check(state, err);
}

int vm_state_set(struct vm *vm, const struct machine_state *state, struct error *err)
{
	int result = check(vm, state, err);
	const uint64_t host_tsc = __builtin_ia32_rdtsc();
	bool is_late = false;

	for (unsigned i = 0; result == 0 && i < vm->board.cpu_count; i++)
		result = vcpu_state_set(&vm->vcpus[i], &vm->facts, host_tsc, state, &is_late, err);
	if (result == 0)
		result = chips_state_set(vm->board.vm_fd, state, err);
	if (result == 0 && is_late)
		vm->board.note(
			vm->board.note_context,
			"this host's KVM cannot set a guest's TSC: the time since it was saved "
			"passes in the guest");
	return result;
}
