/* SPDX-License-Identifier: MPL-2.0 */
/* No trace at all: the baseline against which the cost of the hooks is measured. */
#ifndef PAGEMETA_TRACING_H
#define PAGEMETA_TRACING_H

#include <stdbool.h>

static inline bool platform_tracing(void)
{
	return false;
}

#endif
