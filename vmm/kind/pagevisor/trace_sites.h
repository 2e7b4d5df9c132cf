/* SPDX-License-Identifier: MPL-2.0 */
/* The busiest call sites of a guest's trace: by whom most of what the rings hold was done. */
#ifndef VMM_TRACE_SITES_H
#define VMM_TRACE_SITES_H

#include "kind/pagevisor/trace_reader.h"

#define TRACE_SITES_MAX 16
#define TRACE_SITE_NAME 64

struct trace_site {
	uint64_t caller;
	uint64_t events;
	char name[TRACE_SITE_NAME]; /* "function+0x12", or the address; printable */
};

struct trace_sites {
	uint64_t events; /* that the rings hold */
	unsigned count;  /* the busiest first */
	struct trace_site sites[TRACE_SITES_MAX];
};

/* Counts what the rings hold now. Returns as trace_read, and -ENOMEM; after an error there are none. */
int trace_sites_read(const struct guest_memory *memory, const struct guest_view *view,
		     struct trace_sites *sites);

#endif
