/* SPDX-License-Identifier: MPL-2.0 */
/* The busiest call sites of a guest's trace: those with the most events in its rings. */
#ifndef VMM_TRACE_SITES_H
#define VMM_TRACE_SITES_H

#include "kind/pagevisor/trace_reader.h"

/* Counts the events that the rings hold now. Returns as trace_read, or -ENOMEM; after an error there are no sites. */
int trace_sites_read(const struct guest_memory *memory, const struct guest_view *view,
		     struct call_sites *sites);

#endif
