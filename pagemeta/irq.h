/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hook that keeps interrupts out of critical sections.
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
 * same hook brackets what a CPU does to its own cache (frame_alloc_release) and to its own queue of drops (frame_put.c)
 * without a lock. Merging (frame_alloc_merge, or a request that finds nothing else) looks at each free frame with
 * interrupts disabled: that is some 100 ns a frame.
 *
 * A platform without the hook pays nothing for it.
 */
#ifndef PAGEMETA_IRQ_H
#define PAGEMETA_IRQ_H

#include <stdint.h>

#include <pagemeta_platform.h>

#ifndef PLATFORM_IRQ_SAVE
#define PLATFORM_IRQ_SAVE 0
#endif

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

#endif
