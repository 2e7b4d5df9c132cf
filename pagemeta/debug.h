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
 *                the last, for certain: one taken by the address may become the last when others put theirs; unique.h
 *                but for unique_drop, unique_replace and allocation
 *   task         the allocator (frame_alloc.h), and what calls it: the last frame_put, unique_drop, segments; and what
 *                runs an on_drop. These keep per-CPU state without a lock, or under one that the interrupted function
 *                may hold. A platform that defines PLATFORM_IRQ_SAVE (irq.h) makes them safe anywhere.
 *   its owner    frame_list.h and unique.h: the caller serialises, against its interrupt handlers, too
 *
 * Nothing here runs in a non-maskable interrupt, except "anywhere". While the trace is on, an entry that a handler
 * writes in the middle of another may replace or garble that one, or be lost; slots and later entries are right.
 * PLATFORM_IRQ_SAVE prevents that for handlers of maskable interrupts.
 */
#ifndef PAGEMETA_DEBUG_H
#define PAGEMETA_DEBUG_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include <pagemeta_platform.h>

#include "irq.h"

#ifndef PAGEMETA_DEBUG
#define PAGEMETA_DEBUG 0
#endif

/*
 * Whether this is a handler in which functions of the class "task" must not run. Only a debug build looks, and only
 * where the platform says where it is: it defines PLATFORM_IN_INTERRUPT as 1 and platform_in_interrupt().
 */
static inline bool in_forbidden_handler(void)
{
#if PAGEMETA_DEBUG && !PLATFORM_IRQ_SAVE && defined(PLATFORM_IN_INTERRUPT) && PLATFORM_IN_INTERRUPT
	return platform_in_interrupt();
#else
	return false;
#endif
}

/* At the start of functions of the class "task". */
static inline void expect_task(const char *what)
{
	if (in_forbidden_handler())
		platform_abort(what, paddr(0), 0);
}

#endif
