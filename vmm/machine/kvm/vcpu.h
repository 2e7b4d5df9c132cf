/* SPDX-License-Identifier: MPL-2.0 */
/* A virtual processor: its KVM descriptor, its thread, and the handling of its exits. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <pthread.h>
#include <stdbool.h>

#include <linux/kvm.h>

#include "base/error.h"
#include "machine/kvm/board.h"

struct vcpu {
	struct board *board;
	unsigned index;
	int fd;
	struct kvm_run *run; /* shared with KVM; only this vCPU's thread reads it while it runs */
	size_t run_size;
	struct kvm_cpuid2
		*cpuid; /* as it was set; KVM's own copy follows some of the guest's registers */
	pthread_t thread;
	bool has_thread;
};

/* Creates vCPU `index` of the VM with that board, and sets its CPUID. Nothing is left behind on failure. */
int vcpu_create(struct vcpu *vcpu, struct board *board, unsigned index, struct error *err);

void vcpu_destroy(struct vcpu *vcpu);

/* Sets another CPUID, of `count` entries, before the thread starts. */
int vcpu_set_cpuid(struct vcpu *vcpu, const struct kvm_cpuid_entry2 *entries, unsigned count,
		   struct error *err);

/* More than KVM has. */
#define CPUID_ENTRIES_MAX 256

/* Starts the thread; it runs the guest until the VM's run has ended. */
int vcpu_start(struct vcpu *vcpu, struct error *err);

/*
 * Makes the thread leave KVM_RUN soon, or not enter it: immediate_exit covers a thread on its way in, a signal covers a
 * thread that is inside. The caller has already set what the thread must see afterwards.
 */
void vcpu_kick(struct vcpu *vcpu);

void vcpu_join(struct vcpu *vcpu);

/*
 * Handles the exit that KVM_RUN returned. Returns false when this vCPU cannot continue and the end has been recorded.
 * In exits.c.
 */
bool vcpu_handle_exit(struct vcpu *vcpu);

#endif
