/* SPDX-License-Identifier: MPL-2.0 */
/* Whether the trace is on, in the guest: set once at boot, see mm/trace.c. */
#ifndef PAGEMETA_TRACING_H
#define PAGEMETA_TRACING_H

#include "pagemeta/static_branch.h"

static inline __attribute__((always_inline)) bool platform_tracing(void)
{
	return static_branch();
}

#endif
