/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A test-and-test-and-set spinlock for short critical sections that never block, and that no interrupt of the same CPU
 * enters (irq.h). Locks are released in the reverse of the order in which they were taken, so the last one to go
 * restores the state of the interrupts from before the first.
 */
#ifndef PAGEMETA_SPINLOCK_H
#define PAGEMETA_SPINLOCK_H

#include <stdint.h>

#include <pagemeta_platform.h>

#include "irq.h"

struct spinlock {
	uint32_t locked;
#if PLATFORM_IRQ_SAVE
	uint64_t irq_state; /* the holder's, from before it took the lock */
#endif
};

static inline void spin_lock(struct spinlock *lock)
{
	uint64_t state = irq_save();

	/* Acquire: pairs with the release in spin_unlock of whoever held it before. */
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			platform_relax();
#if PLATFORM_IRQ_SAVE
	lock->irq_state = state;
#else
	(void)state;
#endif
}

static inline void spin_unlock(struct spinlock *lock)
{
#if PLATFORM_IRQ_SAVE
	uint64_t state = lock->irq_state;
#else
	const uint64_t state = 0;
#endif

	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	irq_restore(state);
}

#endif
