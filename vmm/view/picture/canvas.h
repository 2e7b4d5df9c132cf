/* SPDX-License-Identifier: MPL-2.0 */
/* Pixels of up to 256 colours, rectangles and plain text: the surface that a PNG is drawn on. */
#ifndef VMM_CANVAS_H
#define VMM_CANVAS_H

#include <stdint.h>

#include "base/error.h"
#include "view/picture/palette.h"

struct canvas {
	unsigned width, height;
	uint8_t *pixels; /* indices of colours, row by row; all 0 at first */
	unsigned colour_count;
	struct colour colours[256];
};

/* Glyphs are 5 x 7 in a cell of 6 x 9, enlarged. */
#define FONT_WIDTH  6
#define FONT_HEIGHT 7

/* Returns 0 or -ENOMEM. */
int canvas_init(struct canvas *canvas, unsigned width, unsigned height, struct error *err);
void canvas_destroy(struct canvas *canvas);

/* The index of a colour; there are at most 256. */
uint8_t canvas_colour(struct canvas *canvas, struct colour colour);

/* Both clip to the canvas. */
void canvas_fill(struct canvas *canvas, unsigned x, unsigned y, unsigned width, unsigned height,
		 uint8_t colour);
/* x, y: the upper left corner. */
void canvas_text(struct canvas *canvas, unsigned x, unsigned y, unsigned scale, uint8_t colour,
		 const char *text);

/* Writes the canvas as a PNG. Returns as picture_file_finish. */
int canvas_write_png(const struct canvas *canvas, const char *path, struct error *err);

#endif
