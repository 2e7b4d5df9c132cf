/* SPDX-License-Identifier: MPL-2.0 */
/* A test-and-test-and-set spinlock for short critical sections that never block. */
#ifndef PAGEMETA_SPINLOCK_H
#define PAGEMETA_SPINLOCK_H

#include <stdint.h>

#include <pagemeta_platform.h>

struct spinlock {
	uint32_t locked;
};

static inline void spin_lock(struct spinlock *lock)
{
	/* Acquire: pairs with the release in spin_unlock of whoever held it before. */
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			platform_relax();
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

#endif
