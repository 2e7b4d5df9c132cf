/* SPDX-License-Identifier: MPL-2.0 */
/* The frames that a guest's allocator manages, found by its descriptor (pagevisor/allocator.h): see kind/claims.h. */
#ifndef VMM_MANAGED_FRAMES_H
#define VMM_MANAGED_FRAMES_H

#include "kind/claims.h"
#include "kind/pagevisor/guest_view.h"

/* Reads the claims of the guest that a view describes, whose info page lies at `info`. */
int managed_frames_read(const struct guest_memory *memory, const struct guest_view *view,
			struct claims *claims, struct error *err);

/* Whether the info page still says so. */
bool managed_frames_hold(const struct guest_memory *memory, paddr_t info,
			 const struct claims *claims);

#endif
