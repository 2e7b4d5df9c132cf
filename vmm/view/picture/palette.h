/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Colours that can be told apart, even by the colour-blind (after Okabe and Ito, and Tol). A state has the colour of
 * its tone. A type's colour follows from its name, so that the type keeps its colour from one guest to the next.
 */
#ifndef VMM_PALETTE_H
#define VMM_PALETTE_H

#include <stdint.h>

#include "inspect/map_image.h"

struct colour {
	uint8_t red, green, blue;
};

/* The colours of all classes of an image. Those of types depend on the set of names, not on their order. */
void palette_of(const struct map_image *image, struct colour colours[MAP_CLASSES_MAX]);

/* A mark is a light square in a dark one. */
extern const struct colour palette_mark, palette_mark_edge;

/* Black or white: what can be read on a colour. */
struct colour palette_ink(struct colour paper);

/* The nearest of the 256 colours, for a terminal that has no more. */
unsigned palette_terminal_index(struct colour colour);

#endif
