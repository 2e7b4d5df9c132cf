/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them. */
#ifndef VMM_FRAME_TEXT_H
#define VMM_FRAME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"

/* A frame by its number, or by a virtual address of the guest's kernel. */
struct frame_name {
	bool is_virtual;
	uint64_t number; /* of the frame; or the address */
};

/* What frame_name_parse takes, for people. */
#define FRAME_EXPECTED                                                                             \
	"a physical address (0x..., or a size such as 4M), pfn:N, or a virtual address "           \
	"(0xffff..., or va:0x...)"

/*
 * Parses a physical address, 0x... or as a size with a unit; pfn:N with N decimal or 0x...; va:0x...; or an address
 * 0xffff... of the upper half, which is no physical one; and nothing before or after it.
 */
bool frame_name_parse(const char *text, struct frame_name *name);

/* The frame's number, which exists. Returns 0, or as frame_exists and guest_translate. */
int frame_name_find(const struct frame_name *name, const struct guest *guest, bool has_tables,
		    uint64_t *pfn, struct error *err);

/* Whether the guest has this frame: 0, or -EINVAL with one line of text. */
int frame_exists(const struct guest *guest, uint64_t pfn, struct error *err);

/* Whether a frame has a reference count to show beside its state. */
bool frame_has_count(const struct guest *guest, const struct frame *frame);

#endif
