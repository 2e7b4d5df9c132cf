/* SPDX-License-Identifier: MPL-2.0 */
/* Whether the trace is on, in the guest: set once at boot, see mm/trace.c. And assembly for the trace's writer. */
#ifndef PAGEMETA_TRACING_H
#define PAGEMETA_TRACING_H

#include "arch/cpu_layout.h"
#include "pagemeta/static_branch.h"

static inline __attribute__((always_inline)) bool platform_tracing(void)
{
	return static_branch();
}

#define TRACE_TEXT(number)  TRACE_TEXT_(number)
#define TRACE_TEXT_(number) #number

/* Loads platform_cpu() into a 32-bit register. */
#define PLATFORM_TRACE_CPU(register) "	movl %gs:" TRACE_TEXT(CPU_INDEX) ", " register "\n"

/* Jumps to `label` if the address in a register lies in the library: platform_trace_caller then finds the caller. */
#define PLATFORM_TRACE_IF_LIBRARY(address, label)                                                  \
	"	cmpq $library_start, " address "\n"                                                \
	"	jb 8f\n"                                                                                 \
	"	cmpq $library_end, " address "\n"                                                  \
	"	jb " label "\n"                                                                    \
	"8:\n"

#endif
