/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whether the trace is on in the host build: as in the guest, so that measurements here apply to the guest's code. And
 * assembly for the trace's writer.
 */
#ifndef PAGEMETA_TRACING_H
#define PAGEMETA_TRACING_H

#include "pagemeta/static_branch.h"

static inline __attribute__((always_inline)) bool platform_tracing(void)
{
	return static_branch();
}

/* Loads platform_cpu() into a 32-bit register: the programs are executables, so its place in the TLS is constant. */
#define PLATFORM_TRACE_CPU(register) "	movl %fs:host_cpu@tpoff, " register "\n"

/* The host build does not look for callers outside the library: see platform_trace_caller. */
#define PLATFORM_TRACE_IF_LIBRARY(address, label) ""

#endif
