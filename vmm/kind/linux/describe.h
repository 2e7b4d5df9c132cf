/* SPDX-License-Identifier: MPL-2.0 */
/* What a Linux kernel's struct page says of a frame: flags by the kernel's own names, mappings, the page it is a part of. */
#ifndef VMM_LINUX_DESCRIBE_H
#define VMM_LINUX_DESCRIBE_H

#include "kind/description.h"

int linux_describe(const struct guest *guest, const struct frame_look *look,
		   const struct describe_options *options, struct description *description,
		   struct error *err);

#endif
