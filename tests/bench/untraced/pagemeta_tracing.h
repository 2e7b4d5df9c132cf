/* SPDX-License-Identifier: MPL-2.0 */
/* No trace at all: what the hooks cost is measured against a build without them. */
#ifndef PAGEMETA_TRACING_H
#define PAGEMETA_TRACING_H

#include <stdbool.h>

static inline bool platform_tracing(void)
{
	return false;
}

#endif
