/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Colours that can be told apart, also by the colour-blind (after Okabe and Ito, and Tol). States always have the
 * same; types have one that follows from their names, so that a type keeps it from one guest to the next.
 */
#ifndef VMM_PALETTE_H
#define VMM_PALETTE_H

#include <stdint.h>

#include <pagevisor/slot.h>
#include <pagevisor/type.h>

struct colour {
	uint8_t red, green, blue;
};

/* Red belongs to what is broken, light grey to what is free, whatever is drawn. */
#define COLOUR_BROKEN   ((struct colour){0xe0, 0x10, 0x10})
#define COLOUR_NOT_READ ((struct colour){0xff, 0xff, 0xff})

struct colour palette_state(enum ref_class class);

/* Light to dark as counts grow; step is below PALETTE_STEPS. */
#define PALETTE_STEPS 6
struct colour palette_step(unsigned step);

struct palette_type {
	const char *name;
	enum type_role role;
};

/* Colours for `count` types, at most META_TYPES_MAX; the set of names and their roles decide, not their order. */
void palette_types(const struct palette_type *types, unsigned count, struct colour *colours);

/* The nearest of the 256 colours that a terminal without more has. */
unsigned palette_terminal_index(struct colour colour);

#endif
