/* SPDX-License-Identifier: MPL-2.0 */
/* Whether the trace is on in the host build: as in the guest, so that measurements here apply to the guest's code. */
#ifndef PAGEMETA_TRACING_H
#define PAGEMETA_TRACING_H

#include "pagemeta/static_branch.h"

static inline __attribute__((always_inline)) bool platform_tracing(void)
{
	return static_branch();
}

#endif
