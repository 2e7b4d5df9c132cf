/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The mini port on a CPU with an interrupt: a POSIX timer's signal. Interrupts are masked by a flag that the handler
 * looks at; what comes meanwhile, or while the handler runs, is made up for when they are restored. With -DPLATFORM_IRQ_SAVE=0 the platform does not
 * have the hook, and the library's debug build must refuse what it cannot do in a handler.
 */
#ifndef INTERRUPTS_PLATFORM_H
#define INTERRUPTS_PLATFORM_H

#include "tests/portable/mini/pagemeta_platform.h"

#ifndef PLATFORM_IRQ_SAVE
#define PLATFORM_IRQ_SAVE 1
#endif
#define PLATFORM_IN_INTERRUPT 1

extern bool interrupts_masked;
extern bool interrupt_pending;
extern bool in_interrupt;

void interrupt(void);

static inline bool platform_in_interrupt(void)
{
	return __atomic_load_n(&in_interrupt, __ATOMIC_RELAXED);
}

/* Relaxed, with a compiler's fence: the handler runs on the same CPU. */
static inline uint64_t platform_irq_save(void)
{
	uint64_t before = __atomic_load_n(&interrupts_masked, __ATOMIC_RELAXED);

	__atomic_store_n(&interrupts_masked, true, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return before;
}

static inline void platform_irq_restore(uint64_t before)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&interrupts_masked, before, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	while (!before && !platform_in_interrupt() &&
	       __atomic_exchange_n(&interrupt_pending, false, __ATOMIC_RELAXED))
		interrupt();
}

#endif
