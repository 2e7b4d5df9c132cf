/* SPDX-License-Identifier: MPL-2.0 */
/* A guest that runs the workload torn, for readers to look at, wherever it runs. */
#ifndef TESTS_TORN_GUEST_H
#define TESTS_TORN_GUEST_H

#include "base/error.h"
#include "kind/pagevisor/pagevisor_guest.h"
#include "torn/sets.h"

struct torn_guest {
	struct pagevisor_guest own; /* as of the workload's start */
	struct set_types types;
	bool is_mapped; /* else its memory is copied */
};

/*
 * Looks whether its workload runs. Returns 0; -EAGAIN when it does not yet; -EPROTO when that guest is no use, with a
 * line of text. The calling thread is registered with liburcu.
 */
int torn_guest_look(struct torn_guest *guest, const struct guest_memory *memory, paddr_t info,
		    struct error *err);

#endif
