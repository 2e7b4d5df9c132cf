/* SPDX-License-Identifier: MPL-2.0 */
/*
 * RCU for pagemeta's deferred puts, in the guest: grace periods from quiescent states, mm/rcu.h.
 *
 * The host's version is in vmm/platform/; the include path selects one of them.
 */
#ifndef PAGEMETA_RCU_H
#define PAGEMETA_RCU_H

#include <pagevisor/type.h>

/* A callback that waits. Its words are shared: it may lie in a slot. */
typedef struct platform_rcu_head {
	shared_u64 next; /* 0: the last */
	shared_u64 run;
} platform_rcu_head_t;

/*
 * Calls run(head) once, on this processor, at one of its later quiescent states, when all read-side sections that have
 * begun are over. They, and what the caller did before, happen before that. `head` is not used any more from the moment
 * that run is called. Never fails or blocks; may be called inside a section, and from a callback.
 */
void platform_call_rcu(platform_rcu_head_t *head, void (*run)(platform_rcu_head_t *head));

#endif
