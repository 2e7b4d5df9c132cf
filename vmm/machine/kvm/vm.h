/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A virtual machine: RAM, interrupt controllers, vCPU threads, and how its run ended.
 *
 * One thread creates, starts, stops and destroys it. vCPU threads run the guest until one of them reaches the end of
 * the run or the owner stops them all. The first recorded end counts.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/layout.h>

#include "base/clock.h"
#include "base/error.h"
#include "machine/kvm/board.h"
#include "machine/kvm/dirty_log.h"
#include "machine/kvm/state_facts.h"
#include "machine/kvm/vcpu.h"
#include "machine/vm_end.h"
#include "memory/guest_memory.h"
#include "memory/ram.h"

struct vm {
	struct board board;
	int memory_fd; /* the memfd behind all RAM */
	struct guest_memory memory;
	struct dirty_log dirty;
	struct state_facts facts;
	struct vcpu vcpus[MAX_CPUS]; /* board.cpu_count are used */
};

/*
 * Creates a VM with memory_size bytes of zeroed RAM, in whole pages, and vCPUs that have not started. The RAM is
 * sparse: pages are allocated when touched. Returns 0 or a negative errno; nothing is left behind on failure.
 */
int vm_create(struct vm *vm, uint64_t memory_size, unsigned cpus, struct error *err);

/* Puts the boot processor at the kernel's PVH entry. */
int vm_set_entry(struct vm *vm, paddr_t entry, paddr_t start_info, struct error *err);

/* The TSC's frequency in kHz as KVM reports it; 0 if it does not. */
uint64_t vm_tsc_khz(struct vm *vm);

/* Starts the vCPU threads. On failure none of them is left running. */
int vm_start(struct vm *vm, struct error *err);

/* How long vCPUs may take to leave the guest. */
#define VM_PAUSE_PATIENCE_NS (NS_PER_S)

/*
 * Holds all vCPUs outside the guest until vm_resume. One thread at a time pauses and resumes. Returns 0, -ETIMEDOUT
 * when a vCPU does not leave the guest in time, or -ECANCELED when the VM is being stopped. On failure the vCPUs run.
 */
int vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);

/* Ends the run if it has not ended, waits for the vCPU threads, and reports how it ended. */
const struct vm_end *vm_stop(struct vm *vm);

/* Records the end of the run, unless one has been recorded already. Any thread. */
void vm_finish(struct vm *vm, const struct vm_end *end);

/* Call after vm_stop, or if the VM was never started. */
void vm_destroy(struct vm *vm);

#endif
