/* SPDX-License-Identifier: MPL-2.0 */
/*
 * liburcu, as this project uses it: the memb flavour, and a build that ThreadSanitizer understands.
 *
 * liburcu 0.13 orders readers and grace periods with membarrier(2) and compiler barriers, which the sanitizer cannot
 * see. The sanitizer's build therefore spells out the promises of RCU. What a reader did inside a section happens
 * before the end of a grace period that waited for it, and so does what a caller of rcu_call did before. A callback
 * happens before the end of a wait for callbacks. And a reader of a published pointer sees what it points to.
 */
#ifndef VMM_RCU_H
#define VMM_RCU_H

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);

extern char rcu_grace_period; /* represents the grace period to the sanitizer */

static inline void rcu_section_end(void)
{
	__tsan_release(&rcu_grace_period);
	urcu_memb_read_unlock();
}

static inline void rcu_wait_for_readers(void)
{
	urcu_memb_synchronize_rcu();
	__tsan_acquire(&rcu_grace_period);
}

static inline void rcu_call(struct rcu_head *head, void (*run)(struct rcu_head *head))
{
	__tsan_release(&rcu_grace_period);
	urcu_memb_call_rcu(head, run);
}

static inline void rcu_callback_begin(void)
{
	__tsan_acquire(&rcu_grace_period);
}
#else
static inline void rcu_section_end(void)
{
	urcu_memb_read_unlock();
}

static inline void rcu_wait_for_readers(void)
{
	urcu_memb_synchronize_rcu();
}

static inline void rcu_call(struct rcu_head *head, void (*run)(struct rcu_head *head))
{
	urcu_memb_call_rcu(head, run);
}

/* Every callback of rcu_call begins with this. */
static inline void rcu_callback_begin(void)
{
}
#endif

static inline void rcu_section_begin(void)
{
	urcu_memb_read_lock();
}

/* Consume, as rcu_dereference; an acquire load is the same on x86. Partner: rcu_pointer_publish. */
#define rcu_pointer_read(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)

/* Release, as rcu_assign_pointer: a reader of the pointer sees what it points to. Partner: rcu_pointer_read. */
#define rcu_pointer_publish(pointer, value) __atomic_store_n(&(pointer), (value), __ATOMIC_RELEASE)

#endif
