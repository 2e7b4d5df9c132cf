/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The hook that each change of a slot's count passes: trace_event(), of trace.h where the platform defines
 * PLATFORM_TRACING as 1, and empty elsewhere. A platform without the trace leaves out trace.[ch], static_branch.[ch]
 * and pagemeta_tracing.h.
 */
#ifndef PAGEMETA_TRACE_HOOK_H
#define PAGEMETA_TRACE_HOOK_H

#include <pagemeta_platform.h>

#ifndef PLATFORM_TRACING
#define PLATFORM_TRACING 0
#endif

#if PLATFORM_TRACING

#include "trace.h"

#else

#include <stdint.h>

#include <pagevisor/slot.h>
#include <pagevisor/trace_operation.h>

static inline void trace_event(enum trace_operation operation, const struct meta_slot *slot,
			       uint64_t state, uint64_t added)
{
	(void)operation;
	(void)slot;
	(void)state;
	(void)added;
}

#endif
#endif
