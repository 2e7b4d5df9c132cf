/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them. */
#ifndef VMM_FRAME_TEXT_H
#define VMM_FRAME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "kind/guest.h"

/* Parses a physical address 0x..., or pfn:N with N decimal or 0x..., and nothing before or after it. */
bool frame_parse(const char *text, uint64_t *pfn);

/* Whether the guest has this frame: 0, or -EINVAL with one line of text. */
int frame_exists(const struct guest *guest, uint64_t pfn, struct error *err);

/* Whether a frame has a reference count to show beside its state. */
bool frame_has_count(const struct guest *guest, const struct frame *frame);

/*
 * Adds what is known about a frame without its metadata: its state, and what its kind promises about frames in that
 * state.
 */
void frame_add_json(struct json_object *object, const struct guest *guest,
		    const struct frame *frame);

#endif
