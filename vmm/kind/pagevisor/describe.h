/* SPDX-License-Identifier: MPL-2.0 */
/* What the kernel's page table says about a frame: the entries that point at it. */
#ifndef VMM_DESCRIBE_H
#define VMM_DESCRIBE_H

#include "kind/description.h"
#include "kind/frame_look.h"
#include "kind/pagevisor/guest_view.h"

/*
 * As guest_describe, for the guest that a view describes. A capture of metadata alone has no page table; the
 * description is then empty.
 */
int describe_frame(const struct guest_memory *memory, const struct guest_view *view,
		   const struct frame_look *look, const struct describe_options *options,
		   struct description *description, struct error *err);

#endif
