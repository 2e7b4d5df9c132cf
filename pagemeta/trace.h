/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The trace: each change of a slot's count leaves an entry in a ring of the CPU that made it. The rings and their
 * protocol are in pagevisor/trace.h.
 *
 * The writer is for x86-64, and for CPUs whose interrupt handlers change no counts while it writes: an entry that is
 * interrupted by another of the same CPU would be lost.
 *
 * While the trace is off, a hook is only the no-op of static_branch.h. The call behind it preserves all registers, so
 * the code around the hook is compiled as if nothing were called there.
 */
#ifndef PAGEMETA_TRACE_H
#define PAGEMETA_TRACE_H

#include <pagevisor/address.h>
#include <pagevisor/slot.h>
#include <pagevisor/trace.h>

#include <pagemeta_tracing.h>

#include "irq.h"

/* For the writer: an operation in its place in trace_entry.what, and the sign bit if the entry has a type. */
#define TRACE_HOOK_OPERATION(operation)                                                            \
	((uint64_t)(operation) << TRACE_OPERATION_SHIFT |                                          \
	 (uint64_t)((operation) == TRACE_CLAIM || (operation) == TRACE_DROP ||                     \
		    (operation) == TRACE_REPLACE)                                                  \
		 << 63)

/*
 * Records an operation and the state that it left: the state before it plus `added`. The sum is computed where it is
 * needed, and not ahead of the branch.
 */
static inline __attribute__((always_inline)) void trace_event(enum trace_operation operation,
							      const struct meta_slot *slot,
							      uint64_t state, uint64_t added)
{
	if (platform_tracing()) {
		uint64_t irq = irq_save();

		__asm__ volatile("" : "+r"(state));
		state += added;
		/*
		 * Naming the stack pointer makes the compiler set up the frame first, which the walk to the caller
		 * needs. Moving it skips what a leaf function keeps below it.
		 */
		register uint64_t stack_pointer __asm__("rsp");

		__asm__ volatile("leaq -128(%%rsp), %%rsp\n"
				 "call trace_write\n"
				 "leaq 128(%%rsp), %%rsp"
				 : "+r"(stack_pointer)
				 : "D"(slot), "S"(state), "d"(TRACE_HOOK_OPERATION(operation))
				 : "memory", "cc");
		irq_restore(irq);
	}
}

/*
 * Gives a CPU its ring, at `address` in physical memory; entry_count is a power of two. What the CPU did before is not
 * traced.
 */
void trace_set_ring(unsigned cpu, paddr_t address, uint64_t entry_count);

/* All CPUs' rings, for the code that publishes them. */
extern struct trace_ring trace_rings[];

#endif
