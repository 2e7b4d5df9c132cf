/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The debug build, -DPAGEMETA_DEBUG=1: checks of the caller's mistakes that cost too much, or too often, otherwise.
 *
 *   - An empty handle where a frame is required aborts by name (frame.h).
 *   - A function that must not run in an interrupt handler aborts there.
 *
 * What may run in an interrupt handler on a CPU that is inside any function of this library:
 *
 *   anywhere     all of slot.h, mapping.h, handle.h and untyped.h; frame.h; frame_put, as long as the reference is not
 *                the last; unique.h but for unique_drop, unique_replace and allocation
 *   task         the allocator (frame_alloc.h), and what calls it: the last frame_put, unique_drop, segments; and what
 *                runs an on_drop. These keep per-CPU state without a lock, or under one that the interrupted function
 *                may hold. A platform that defines PLATFORM_IRQ_SAVE (irq.h) makes them safe anywhere.
 *   its owner    frame_list.h and unique.h: the caller serialises, against its interrupt handlers, too
 *
 * Nothing here runs in a non-maskable interrupt, except "anywhere".
 */
#ifndef PAGEMETA_DEBUG_H
#define PAGEMETA_DEBUG_H

#include <stdint.h>

#include <pagevisor/address.h>

#include <pagemeta_platform.h>

#include "irq.h"

#ifndef PAGEMETA_DEBUG
#define PAGEMETA_DEBUG 0
#endif

/*
 * At the start of functions of the class "task". The platform says where it is by platform_in_interrupt(); one that
 * does not define PLATFORM_IN_INTERRUPT as 1 has no such function, and this checks nothing.
 */
static inline void expect_task(const char *what)
{
#if PAGEMETA_DEBUG && !PLATFORM_IRQ_SAVE && defined(PLATFORM_IN_INTERRUPT) && PLATFORM_IN_INTERRUPT
	if (platform_in_interrupt())
		platform_abort(what, paddr(0), 0);
#else
	(void)what;
#endif
}

#endif
