/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Holds all vCPUs outside the guest for a while. On request, vCPU threads leave KVM_RUN and wait on a condition; no
 * thread spins. Stopping the VM ends a pause.
 */
#ifndef VMM_PAUSE_H
#define VMM_PAUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vm_pause {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* signals changes of the fields below */
	/* Written under the lock. vCPU threads read it without the lock on their way into the guest. */
	bool wanted;
	bool ended;       /* the VM is being stopped */
	unsigned threads; /* running vCPU threads */
	unsigned parked;  /* vCPU threads that wait here */
};

void vm_pause_init(struct vm_pause *pause);
void vm_pause_destroy(struct vm_pause *pause);

/* Registers a vCPU thread; called before the thread is created. */
void vm_pause_join(struct vm_pause *pause);

/* Unregisters a vCPU thread that has ended: a pause no longer waits for it. */
void vm_pause_leave(struct vm_pause *pause);

/*
 * Whether a vCPU must park before it enters the guest. Relaxed: the requester sets the flag before it kicks the vCPUs,
 * so KVM_RUN returns at once on a vCPU that missed the flag.
 */
static inline bool vm_pause_is_wanted(const struct vm_pause *pause)
{
	return __atomic_load_n(&pause->wanted, __ATOMIC_RELAXED);
}

/*
 * Called by a vCPU thread: waits until the pause is over. Clears `immediate_exit` of its kvm_run under the lock: a kick
 * belongs to a pause or to a stop, and both are set under the lock before they kick.
 */
void vm_pause_park(struct vm_pause *pause, uint8_t *immediate_exit);

/*
 * For the pausing thread: announces the pause (the thread then kicks the vCPUs), waits for all vCPUs, ends the pause.
 */
void vm_pause_begin(struct vm_pause *pause);

/* Returns 0, -ETIMEDOUT, or -ECANCELED when the VM is being stopped. */
int vm_pause_await(struct vm_pause *pause, uint64_t deadline_ns);
void vm_pause_end(struct vm_pause *pause);

/* From now on, no vCPU parks. */
void vm_pause_cancel(struct vm_pause *pause);

#endif
