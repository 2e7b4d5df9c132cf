/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest of this kind is in its life: kind/life.h. */
#ifndef VMM_PAGEVISOR_GUEST_LIFE_H
#define VMM_PAGEVISOR_GUEST_LIFE_H

#include "kind/life.h"
#include "kind/pagevisor/guest_view.h"

/* As guest_life_read, for the guest whose info page lies at `info`. */
int pagevisor_life_read(const struct guest_memory *memory, paddr_t info, struct guest_life *life,
			struct error *err);

#endif
