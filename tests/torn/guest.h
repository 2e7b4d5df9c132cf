/* SPDX-License-Identifier: MPL-2.0 */
/* A guest, running anywhere, whose workload torn the readers read. */
#ifndef TESTS_TORN_GUEST_H
#define TESTS_TORN_GUEST_H

#include "base/error.h"
#include "kind/pagevisor/pagevisor_guest.h"
#include "torn/sets.h"

struct torn_guest {
	struct pagevisor_guest own; /* taken when the workload starts */
	struct set_types types;
	bool is_mapped; /* otherwise its memory is copied */
};

/*
 * Checks whether the guest's workload runs. Returns 0; -EAGAIN while it does not yet; -EPROTO, with a line of text,
 * when the guest is unusable. The calling thread is registered with liburcu.
 */
int torn_guest_look(struct torn_guest *guest, const struct guest_memory *memory, paddr_t info,
		    struct error *err);

#endif
