/* SPDX-License-Identifier: MPL-2.0 */
/* A virtual processor: its KVM descriptor, its thread, and what its exits mean. */
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
	pthread_t thread;
	bool has_thread;
};

/* Makes vCPU `index` of the VM with that board, its CPUID set. Nothing is left behind on failure. */
int vcpu_create(struct vcpu *vcpu, struct board *board, unsigned index, struct error *err);

void vcpu_destroy(struct vcpu *vcpu);

/* Starts the thread; it runs the guest until the VM's run has ended. */
int vcpu_start(struct vcpu *vcpu, struct error *err);

/*
 * Makes the thread leave KVM_RUN soon, or not enter it: immediate_exit for the case that it is on
 * its way in, a signal for the case that it is in. The caller has set what the thread shall see
 * then.
 */
void vcpu_kick(struct vcpu *vcpu);

void vcpu_join(struct vcpu *vcpu);

/*
 * Handles what KVM_RUN returned with. False when this vCPU cannot go on and the end is recorded.
 * exits.c.
 */
bool vcpu_handle_exit(struct vcpu *vcpu);

#endif
