/* SPDX-License-Identifier: MPL-2.0 */
/* A guest of this kind, as the kind's own functions see it. */
#ifndef VMM_PAGEVISOR_GUEST_H
#define VMM_PAGEVISOR_GUEST_H

#include "kind/guest.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/pagevisor.h"
#include "kind/pagevisor/ram_extent.h"
#include "kind/pagevisor/tally_slots.h"

struct pagevisor_guest {
	struct guest guest; /* must be first: see pagevisor_guest_of */
	paddr_t info;       /* where it describes itself */
	struct guest_view view;
	struct slot_rules rules; /* of the view */
	/* Measured when the map was of this generation, and the guest in this boot; 0: not yet. */
	uint64_t ram_generation;
	uint64_t ram_boot_id;
	struct ram_extent ram;
};

static inline const struct pagevisor_guest *pagevisor_guest_of(const struct guest *guest)
{
	return (const struct pagevisor_guest *)guest;
}

/* Sets a guest from a view of it; `own` must not move from then on. */
void pagevisor_guest_set(struct pagevisor_guest *own, const struct guest_memory *memory,
			 paddr_t info, const struct guest_view *view);

#endif
