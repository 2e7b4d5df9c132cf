/* SPDX-License-Identifier: MPL-2.0 */
/* Which kernel image a guest runs. */
#ifndef VMM_IMAGE_ID_H
#define VMM_IMAGE_ID_H

#include <stdint.h>

#include "kind/pagevisor/guest_view.h"

/*
 * A checksum of what describes an image and never changes while it runs: its types and its functions. So images that
 * differ in these differ in their ids. Returns 0; -ENODATA if the image carries neither; or -EPROTO if they are not in
 * the guest's RAM.
 */
int image_id_read(const struct guest_memory *memory, const struct guest_view *view, uint64_t *id);

#endif
