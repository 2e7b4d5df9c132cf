/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Holding all vCPUs outside the guest for a while. vCPU threads park themselves on a condition when they are asked
 * to and leave KVM_RUN; nothing spins. Stopping the VM ends a pause.
 */
#ifndef VMM_PAUSE_H
#define VMM_PAUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vm_pause {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* any of what follows */
	bool wanted; /* written under lock; read without by vCPU threads on their way into the guest */
	bool ended;       /* the VM is being stopped */
	unsigned threads; /* vCPU threads that live */
	unsigned parked;  /* of them, those that wait here */
};

void vm_pause_init(struct vm_pause *pause);
void vm_pause_destroy(struct vm_pause *pause);

/* A vCPU thread begins; called before it is made. */
void vm_pause_join(struct vm_pause *pause);

/* It has ended: it will not be waited for. */
void vm_pause_leave(struct vm_pause *pause);

/*
 * Whether a vCPU is to park before it enters the guest. Relaxed: who misses it is kicked after it was set, and KVM_RUN
 * then returns at once.
 */
static inline bool vm_pause_is_wanted(const struct vm_pause *pause)
{
	return __atomic_load_n(&pause->wanted, __ATOMIC_RELAXED);
}

/*
 * Waits on a vCPU thread until the pause is over. `immediate_exit`, of its kvm_run, is cleared under the lock: a kick
 * belongs to a pause or to a stop, and both are decided under the lock before they kick.
 */
void vm_pause_park(struct vm_pause *pause, uint8_t *immediate_exit);

/* The pausing thread's part: announces it (then it kicks), waits for all vCPUs, ends it. */
void vm_pause_begin(struct vm_pause *pause);

/* 0; -ETIMEDOUT; or -ECANCELED when the VM is being stopped. */
int vm_pause_await(struct vm_pause *pause, uint64_t deadline_ns);
void vm_pause_end(struct vm_pause *pause);

/* From now on nobody parks. */
void vm_pause_cancel(struct vm_pause *pause);

#endif
