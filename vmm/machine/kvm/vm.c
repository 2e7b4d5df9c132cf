/* SPDX-License-Identifier: MPL-2.0 */
/* A virtual machine: see vm.h. */
#include "machine/kvm/vm.h"

#include <errno.h>

#include "base/fd.h"
#include "machine/kvm/cpu_state.h"
#include "machine/kvm/kvm.h"

/*
 * Pages that KVM on Intel needs, below the BIOS: three for the TSS, and one for the identity map (api.rst 4.37, 4.83).
 */
#define KVM_IDENTITY_MAP_ADDRESS UINT64_C(0xfffbc000)
#define KVM_TSS_ADDRESS          0xfffbd000

static int create_chips(struct vm *vm, struct error *err)
{
	const uint64_t identity_map = KVM_IDENTITY_MAP_ADDRESS;
	const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	int result = KVM_CALL(vm->board.vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map, err);

	if (result >= 0)
		result = KVM_CALL(vm->board.vm_fd, KVM_SET_TSS_ADDR, KVM_TSS_ADDRESS, err);
	if (result >= 0)
		result = KVM_CALL(vm->board.vm_fd, KVM_CREATE_IRQCHIP, 0, err);
	if (result >= 0)
		result = KVM_CALL(vm->board.vm_fd, KVM_CREATE_PIT2, &pit, err);
	return result < 0 ? result : 0;
}

/* Makes one memory slot for each region: KVM maps the same pages that the host sees. */
static int create_memory(struct vm *vm, uint64_t size, struct error *err)
{
	int result = vm->memory_fd = ram_create(&vm->memory, size, err);
	/* The VM is not running, and this thread is the only updater: no read-side section is needed. */
	const struct memory_map *map = guest_memory_map(&vm->memory);

	for (unsigned i = 0; result >= 0 && i < map->count; i++) {
		const struct kvm_userspace_memory_region slot = {
			.slot = i,
			.guest_phys_addr = map->regions[i].base.addr,
			.memory_size = map->regions[i].size,
			.userspace_addr = (uintptr_t)map->regions[i].host,
		};

		result = dirty_log_add_region(&vm->dirty, &slot, err);
	}
	return result < 0 ? result : 0;
}

static int create_vcpus(struct vm *vm, unsigned cpus, struct error *err)
{
	/* Each CPUID contains the final count, and vm_destroy relies on it as well. */
	vm->board.cpu_count = cpus;
	for (unsigned i = 0; i < cpus; i++) {
		int result = vcpu_create(&vm->vcpus[i], &vm->board, i, err);

		if (result < 0) {
			vm->board.cpu_count = i;
			return result;
		}
	}
	return 0;
}

static void discard_note(void *context, const char *text)
{
	(void)context;
	(void)text;
}

int vm_create(struct vm *vm, uint64_t memory_size, unsigned cpus, struct error *err)
{
	static const struct symbols no_symbols;

	if (cpus < 1 || cpus > MAX_CPUS)
		return error_set(err, -EINVAL, "%u vCPUs; 1 to %d are supported", cpus, MAX_CPUS);
	*vm = (struct vm){
		.board = {.kvm_fd = -1, .vm_fd = -1, .symbols = &no_symbols, .note = discard_note},
		.memory_fd = -1};
	int result = guest_memory_init(&vm->memory, err);

	if (result < 0)
		return result;
	vm_pause_init(&vm->board.pause);
	result = end_latch_init(&vm->board.end, err);
	if (result >= 0)
		result = vm->board.kvm_fd = kvm_open(err);
	if (result >= 0)
		result = vm->board.vm_fd = KVM_CALL(vm->board.kvm_fd, KVM_CREATE_VM, 0, err);
	dirty_log_init(&vm->dirty, vm->board.vm_fd);
	if (result >= 0)
		result = create_chips(vm, err);
	if (result >= 0)
		result = state_facts_read(&vm->facts, vm->board.kvm_fd, vm->board.vm_fd, err);
	if (result >= 0)
		result = create_memory(vm, memory_size, err);
	if (result >= 0)
		result = create_vcpus(vm, cpus, err);
	if (result < 0) {
		vm_destroy(vm);
		return result;
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
	for (unsigned i = 0; i < vm->board.cpu_count; i++)
		vcpu_destroy(&vm->vcpus[i]);
	fd_close(vm->board.vm_fd);
	fd_close(vm->board.kvm_fd);
	guest_memory_destroy(&vm->memory);
	fd_close(vm->memory_fd);
	dirty_log_destroy(&vm->dirty);
	vm_pause_destroy(&vm->board.pause);
	end_latch_destroy(&vm->board.end);
}

int vm_set_entry(struct vm *vm, paddr_t entry, paddr_t start_info, struct error *err)
{
	int fd = vm->vcpus[0].fd;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int result = KVM_CALL(fd, KVM_GET_SREGS, &sregs, err);

	if (result < 0)
		return result;
	cpu_state_pvh(&sregs, &regs, entry, start_info);
	result = KVM_CALL(fd, KVM_SET_SREGS, &sregs, err);
	if (result >= 0)
		result = KVM_CALL(fd, KVM_SET_REGS, &regs, err);
	return result < 0 ? result : 0;
}

uint64_t vm_tsc_khz(struct vm *vm)
{
	struct error ignored;
	int khz = KVM_CALL(vm->vcpus[0].fd, KVM_GET_TSC_KHZ, 0, &ignored);

	return khz > 0 ? (uint64_t)khz : 0;
}

int vm_start(struct vm *vm, struct error *err)
{
	for (unsigned i = 0; i < vm->board.cpu_count; i++) {
		int result = vcpu_start(&vm->vcpus[i], err);

		if (result < 0) {
			vm_stop(vm);
			return result;
		}
	}
	return 0;
}

void vm_finish(struct vm *vm, const struct vm_end *end)
{
	end_latch_record(&vm->board.end, end);
}

int vm_pause(struct vm *vm)
{
	vm_pause_begin(&vm->board.pause);
	for (unsigned i = 0; i < vm->board.cpu_count; i++)
		vcpu_kick(&vm->vcpus[i]);
	int result = vm_pause_await(&vm->board.pause, clock_now_ns() + VM_PAUSE_PATIENCE_NS);

	if (result < 0)
		vm_pause_end(&vm->board.pause);
	return result;
}

void vm_resume(struct vm *vm)
{
	vm_pause_end(&vm->board.pause);
}

const struct vm_end *vm_stop(struct vm *vm)
{
	const struct vm_end stopped = {.outcome = VM_STOPPED};

	vm_finish(vm, &stopped);
	/* Release: pairs with the acquire in vcpu_thread. */
	__atomic_store_n(&vm->board.stopping, true, __ATOMIC_RELEASE);
	vm_pause_cancel(&vm->board.pause);
	for (unsigned i = 0; i < vm->board.cpu_count; i++)
		vcpu_kick(&vm->vcpus[i]);
	for (unsigned i = 0; i < vm->board.cpu_count; i++)
		vcpu_join(&vm->vcpus[i]);
	return &vm->board.end.end;
}
