/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A test-and-test-and-set spinlock for short critical sections that never block, and the hook that keeps interrupts out
 * of them.
 *
 * An interrupt handler that takes a lock which the interrupted function holds on the same CPU waits forever. A platform
 * whose handlers shall use the allocator defines PLATFORM_IRQ_SAVE as 1 and two functions in pagemeta_platform.h:
 *
 *   uint64_t platform_irq_save(void);          disables interrupts on this CPU; returns whether they were enabled, in
 *                                              any encoding
 *   void platform_irq_restore(uint64_t state); back to that state
 *
 * Both must keep the compiler from moving memory accesses across them. Then a CPU holds a lock only with interrupts
 * disabled, so a handler never meets a lock of its own CPU; it waits for those of others, whose holders run on. The
 * same hook brackets what a CPU does to its own cache without the lock (frame_alloc_release). Locks are released in the
 * reverse of the order in which they were taken, so the last one to go restores the state from before the first.
 * Merging (frame_alloc_merge, or a request that finds nothing else) looks at each free frame with interrupts disabled:
 * that is some 100 ns a frame.
 *
 * A platform without the hook pays nothing for it.
 */
#ifndef PAGEMETA_SPINLOCK_H
#define PAGEMETA_SPINLOCK_H

#include <stdint.h>

#include <pagemeta_platform.h>

#ifndef PLATFORM_IRQ_SAVE
#define PLATFORM_IRQ_SAVE 0
#endif

struct spinlock {
	uint32_t locked;
#if PLATFORM_IRQ_SAVE
	uint64_t irq_state; /* the holder's, from before it took the lock */
#endif
};

/* Keeps interrupts away from this CPU until irq_restore, which gets the result. */
static inline uint64_t irq_save(void)
{
#if PLATFORM_IRQ_SAVE
	return platform_irq_save();
#else
	return 0;
#endif
}

static inline void irq_restore(uint64_t state)
{
#if PLATFORM_IRQ_SAVE
	platform_irq_restore(state);
#else
	(void)state;
#endif
}

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
