/* SPDX-License-Identifier: MPL-2.0 */
/* The busiest call sites of a guest's trace: by whom most of what the rings hold was done. */
#ifndef VMM_TRACE_SITES_H
#define VMM_TRACE_SITES_H

#include "kind/pagevisor/trace_reader.h"

/* Counts what the rings hold now. Returns as trace_read, and -ENOMEM; after an error there are none. */
int trace_sites_read(const struct guest_memory *memory, const struct guest_view *view,
		     struct call_sites *sites);

#endif
