/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Colours that can be told apart, also by the colour-blind (after Okabe and Ito, and Tol). States have that of their
 * tone; types have one that follows from their names, so that a type keeps it from one guest to the next.
 */
#ifndef VMM_PALETTE_H
#define VMM_PALETTE_H

#include <stdint.h>

#include "inspect/map_image.h"

struct colour {
	uint8_t red, green, blue;
};

/* The colours of all classes of an image. The set of names decides about those of types, not their order. */
void palette_of(const struct map_image *image, struct colour colours[MAP_CLASSES_MAX]);

/* The nearest of the 256 colours that a terminal without more has. */
unsigned palette_terminal_index(struct colour colour);

#endif
