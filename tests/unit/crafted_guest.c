/* SPDX-License-Identifier: MPL-2.0 */
/* A guest with a crafted view: see crafted_guest.h. */
#include "unit/crafted_guest.h"

#include "kind/pagevisor/pagevisor_guest.h"

struct guest *crafted_guest(const struct guest_memory *memory, const struct guest_view *view)
{
	static struct pagevisor_guest guests[CRAFTED_GUESTS_MAX];
	static unsigned made;
	struct pagevisor_guest *own = &guests[made++ % CRAFTED_GUESTS_MAX];

	*own = (struct pagevisor_guest){0};
	pagevisor_guest_set(own, memory, paddr(0), view);
	return &own->guest;
}
