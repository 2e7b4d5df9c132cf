/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them. */
#ifndef VMM_FRAME_TEXT_H
#define VMM_FRAME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "kind/guest.h"

/* A physical address 0x..., or pfn:N with N decimal or 0x...: nothing before and nothing behind. */
bool frame_parse(const char *text, uint64_t *pfn);

/* Whether the guest has that frame: 0, or -EINVAL with one line of text. */
int frame_exists(const struct guest *guest, uint64_t pfn, struct error *err);

/* Whether a frame has a count of references to show, beside its state. */
bool frame_has_count(const struct guest *guest, const struct frame *frame);

/* Adds what is known of a frame without its metadata: its state, and what its kind promises of frames in that state. */
void frame_add_json(struct json_object *object, const struct guest *guest,
		    const struct frame *frame);

#endif
