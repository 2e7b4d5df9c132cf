/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them. */
#ifndef VMM_FRAME_TEXT_H
#define VMM_FRAME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"

/* A physical address 0x..., or pfn:N with N decimal or 0x...: nothing before and nothing behind. */
bool frame_parse(const char *text, uint64_t *pfn);

/* Whether the guest has that frame: 0, or -EINVAL with one line of text. */
int frame_exists(const struct guest_view *view, uint64_t pfn, struct error *err);

#endif
