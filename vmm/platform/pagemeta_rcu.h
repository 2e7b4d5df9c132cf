/* SPDX-License-Identifier: MPL-2.0 */
/*
 * RCU for pagemeta's deferred puts, on the host: liburcu's call_rcu. See memory/rcu.h for the readers' side.
 *
 * The guest's version is in guest/platform/; the include path selects one of them.
 */
#ifndef PAGEMETA_RCU_H
#define PAGEMETA_RCU_H

#include "memory/rcu.h"

typedef struct platform_rcu_head {
	struct rcu_head urcu;
	void (*run)(struct platform_rcu_head *head);
} platform_rcu_head_t;

/* The CPU number of the thread that runs callbacks. No other thread may have it. */
#define HOST_RCU_CPU (PLATFORM_MAX_CPUS - 1)

/*
 * Calls run(head) once, on a thread of its own, when all read-side sections that have begun are over. They, and what
 * the caller did before, happen before that. `head` is not used any more from the moment that run is called. The
 * calling thread is registered with liburcu. Never fails or blocks; may be called inside a section.
 */
void platform_call_rcu(platform_rcu_head_t *head, void (*run)(platform_rcu_head_t *head));

/*
 * Waits until all callbacks have run that were asked for before. They happen before the return. Not inside a section,
 * nor from a callback.
 */
void host_rcu_barrier(void);

#endif
